import type { Container } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { makePod } from '../../testing/observed-pod.ts';
import { consequenceOf } from './restart-policy.ts';

type Policy = 'Always' | 'OnFailure' | 'Never';

const rule = (operator: string, values: number[], action = 'Restart') => ({ action, exitCodes: { operator, values } });

describe('the end of a container', () => {
  it.each<[behaviour: string, ofPod: Policy, container: Partial<Container>, exitCode: number, expected: string]>([
    ["follows the pod's restartPolicy", 'Never', {}, 1, 'none'],
    ["is judged by the container's own restartPolicy before the pod's", 'Never', { restartPolicy: 'OnFailure' }, 1, 'restart'],
    ["that is a success is judged by the container's own OnFailure", 'Always', { restartPolicy: 'OnFailure' }, 0, 'none'],
    ["is for good by the container's own Never", 'Always', { restartPolicy: 'Never' }, 1, 'none'],
    [
      'with a code that a rule lists restarts it',
      'Never',
      { restartPolicy: 'Never', restartPolicyRules: [rule('In', [42, 43])] },
      43,
      'restart',
    ],
    [
      'with a code that no rule matches follows its restartPolicy',
      'Always',
      { restartPolicy: 'Never', restartPolicyRules: [rule('In', [42])] },
      1,
      'none',
    ],
    [
      'with a code that is not among those of NotIn restarts it',
      'Never',
      { restartPolicy: 'Never', restartPolicyRules: [rule('NotIn', [0, 1])] },
      2,
      'restart',
    ],
    [
      'with a code among those of NotIn does not',
      'Never',
      { restartPolicy: 'Never', restartPolicyRules: [rule('NotIn', [0, 1])] },
      1,
      'none',
    ],
    [
      'follows the first rule that matches',
      'Never',
      { restartPolicy: 'Never', restartPolicyRules: [rule('In', [7], 'RestartAllContainers'), rule('In', [7])] },
      7,
      'restart-all',
    ],
  ])('%s', (_behaviour, restartPolicy, container, exitCode, expected) => {
    const pod = makePod({ restartPolicy, containers: [{ name: 'main', image: 'a:1', ...container }] });
    const [main] = pod.spec?.containers ?? [];
    expect(consequenceOf(pod, main as Container, exitCode)).toBe(expected);
  });

  it.each<[behaviour: string, container: Partial<Container>, exitCode: number, expected: string]>([
    ['that succeeded is for good', {}, 0, 'none'],
    ['that succeeded is for good, rules or not', { restartPolicy: 'Never', restartPolicyRules: [rule('In', [0])] }, 0, 'none'],
    ['that failed is by its own restartPolicy', { restartPolicy: 'Never' }, 1, 'none'],
    ['that is a sidecar leads to its restart', { restartPolicy: 'Always' }, 0, 'restart'],
  ])('of an init container %s', (_behaviour, container, exitCode, expected) => {
    const pod = makePod({ initContainers: [{ name: 'init', image: 'a:1', ...container }] });
    const [init] = pod.spec?.initContainers ?? [];
    expect(consequenceOf(pod, init as Container, exitCode)).toBe(expected);
  });
});
