import type { Pod } from '@berth/api/objects';
import { expect, it } from 'vitest';
import { makePod } from '../../testing/observed-pod.ts';
import type { ResizeRefusal } from '../plan/observed-pod.ts';
import { admitResize } from './node-resize.ts';

const allocatable = new Map([
  ['cpu', 2000n],
  ['memory', 2n ** 30n],
  ['pods', 2n],
]);

function podOf(uid: string, requests: Record<string, string>, limits: Record<string, string> = {}): Pod {
  const pod = makePod({ containers: [{ name: 'main', image: 'a:1', resources: { requests, limits } }] });
  return { ...pod, metadata: { ...pod.metadata, uid } };
}

const running = [podOf('uid', { cpu: '500m' }), podOf('other', { cpu: '1' })];

it.each<[what: string, pod: Pod, refusal: ResizeRefusal | undefined]>([
  ['what fits beside the others is given', podOf('uid', { cpu: '1' }), undefined],
  [
    'what others have is deferred',
    podOf('uid', { cpu: '1500m' }),
    { reason: 'Deferred', message: "Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000" },
  ],
  [
    'more CPU than the node has is infeasible',
    podOf('uid', { cpu: '3' }),
    { reason: 'Infeasible', message: "Node didn't have enough capacity: cpu, requested: 3000, capacity: 2000" },
  ],
  [
    'more memory than the node has is infeasible',
    podOf('uid', { cpu: '3', memory: '2Gi' }),
    { reason: 'Infeasible', message: "Node didn't have enough capacity: memory, requested: 2147483648, capacity: 1073741824" },
  ],
  [
    'another class is infeasible',
    podOf('uid', {}, { cpu: '1', memory: '1Gi' }),
    { reason: 'Infeasible', message: 'Pod QOS Class may not change as a result of resizing (Burstable to Guaranteed)' },
  ],
])('%s', (_what, pod, refusal) => {
  expect(admitResize(pod, running, allocatable)).toEqual(refusal);
});
