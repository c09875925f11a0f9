import type { Container, PodSpec, ResourceRequirements } from '@berth/api/objects';
import { expect, it } from 'vitest';
import { makePod } from '../../testing/observed-pod.ts';
import { qosClassOf } from './qos-class.ts';

const container = (resources: ResourceRequirements = {}): Container => ({ name: 'c', image: 'a:1', resources });
const whole = { limits: { cpu: '1', memory: '1Gi' } };

it.each<[what: string, qosClass: string, spec: Partial<PodSpec>]>([
  ['nothing is asked for', 'BestEffort', { containers: [container()] }],
  ['only zeros are asked for', 'BestEffort', { containers: [container({ requests: { cpu: '0' } })] }],
  ['every container has limits of both', 'Guaranteed', { containers: [container(whole), container(whole)] }],
  ['one container has none', 'Burstable', { containers: [container(whole), container()] }],
  ['an init container has none', 'Burstable', { containers: [container(whole)], initContainers: [container()] }],
  ['a request is under its limit', 'Burstable', { containers: [container({ ...whole, requests: { cpu: '500m' } })] }],
  ['only memory is limited', 'Burstable', { containers: [container({ limits: { memory: '1Gi' } })] }],
  ['the pod as a whole has limits of both', 'Guaranteed', { containers: [container()], resources: whole }],
  ['the pod as a whole has a request', 'Burstable', { containers: [container(whole)], resources: { requests: { cpu: '2' } } }],
])('where %s, the class is %s', (_what, qosClass, spec) => {
  expect(qosClassOf(makePod(spec))).toBe(qosClass);
});
