import { describe, expect, it } from 'vitest';
import { exited, instance, makePod, now, observe } from '../../testing/observed-pod.ts';
import { plannedActions } from '../../testing/planned-actions.ts';
import { plan } from '../plan.ts';
import type { ObservedPod } from './observed-pod.ts';

const rules = [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [88] } }];
const pod = makePod({
  initContainers: [
    { name: 'set-up', image: 'a:1' },
    { name: 'proxy', image: 'a:1', restartPolicy: 'Always' },
  ],
  containers: [
    { name: 'main', image: 'a:1' },
    { name: 'watcher', image: 'a:1', restartPolicy: 'Never', restartPolicyRules: rules },
  ],
});
const asking = exited('watcher', 88);
const told = (...names: string[]): ObservedPod['previous'] => ({
  containerStatuses: names.map((name) => ({ name, restartCount: 0, containerID: `runc://${name}`, image: '', imageID: '', ready: false })),
});

describe('a container whose exit code asks for RestartAllContainers', () => {
  it.each<[behaviour: string, observed: ObservedPod, expected: string[]]>([
    [
      'has all others stopped without preStop, the sidecars too',
      observe({ containers: [asking, instance('main'), instance('proxy'), exited('set-up', 0)] }),
      ['stop main-0 proxy-0 in 0'],
    ],
    [
      'has them removed once they have ended, itself last',
      observe({ containers: [asking, exited('main', 137), exited('proxy', 137), exited('set-up', 0)] }),
      ['remove main-0', 'remove proxy-0', 'remove set-up-0'],
    ],
    ['is removed when it is alone', observe({ containers: [asking] }), ['remove watcher-0']],
    [
      'makes the pod start over in the same sandbox, its counts going on',
      observe({ previous: { ...told('main', 'watcher'), initContainerStatuses: told('set-up', 'proxy')?.containerStatuses } }),
      ['start set-up#1'],
    ],
    [
      'of another code asks for nothing',
      observe({ containers: [exited('watcher', 1), instance('main'), instance('proxy'), exited('set-up', 0)] }),
      [],
    ],
  ])('%s', (_behaviour, observed, expected) => {
    expect(plannedActions(pod, observed)).toEqual(expected);
  });

  it("is told in the pod's conditions, while it lasts and after it", () => {
    const conditionOf = (observed: ObservedPod) =>
      plan(pod, observed, now).status.conditions?.find(({ type }) => type === 'AllContainersRestarting');
    expect(conditionOf(observe({ containers: [instance('main')] }))).toBeUndefined();
    const during = plan(pod, observe({ containers: [asking, instance('main')] }), now).status;
    expect(during.phase).toBe('Running');
    expect(during.conditions).toContainEqual(expect.objectContaining({ type: 'AllContainersRestarting', status: 'True' }));
    expect(conditionOf(observe({ previous: during }))).toMatchObject({ status: 'False' });
  });
});
