import type { Pod, PodSpec } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { makePod } from '../../testing/observed-pod.ts';
import { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { ResourceFit } from './resource-fit.ts';

const allocatable = new Map([
  ['cpu', 2000n],
  ['memory', 1000n],
  ['ephemeral-storage', 100n],
  ['pods', 4n],
  ['a.b/gpu', 1n],
]);

function podOf(name: string, requests: Record<string, string>, more: Partial<PodSpec> = {}): Pod {
  const pod = makePod({ containers: [{ name: 'main', image: 'a:1', resources: { requests } }], ...more });
  return { ...pod, metadata: { ...pod.metadata, name, uid: name } };
}

function newFit() {
  const evicted: string[] = [];
  const metrics = new KubeletMetrics({ nodeName: 'node' });
  const handler = new ResourceFit({
    allocatable: () => allocatable,
    isAwaited: (resource) => resource === 'may.come/yet',
    evict: (pod) => void evicted.push(pod.metadata?.name ?? ''),
    metrics,
  });
  return {
    metrics,
    evicted,
    admit: (pod: Pod, ...others: Pod[]) => handler.admit({ pod, others }),
  };
}

describe('a pod that asks for more than is left is refused', () => {
  const used = podOf('used', { cpu: '500m', memory: '400', 'ephemeral-storage': '10', 'a.b/gpu': '1' });

  it.each<[resource: string, requests: Record<string, string>, figures: string]>([
    ['cpu', { cpu: '1501m' }, 'requested: 1501, used: 500, capacity: 2000'],
    ['memory', { memory: '601' }, 'requested: 601, used: 400, capacity: 1000'],
    ['ephemeral-storage', { 'ephemeral-storage': '100' }, 'requested: 100, used: 10, capacity: 100'],
    ['a.b/gpu', { 'a.b/gpu': '1' }, 'requested: 1, used: 1, capacity: 1'],
    ['a.b/other', { 'a.b/other': '1' }, 'requested: 1, used: 0, capacity: 0'],
  ])('of %s', (resource, requests, figures) => {
    expect(newFit().admit(podOf('pod', requests), used)).toEqual({
      reason: `OutOf${resource}`,
      message: `Node didn't have enough resource: ${resource}, ${figures}`,
    });
  });

  it('of pods', () => {
    const others = ['a', 'b', 'c', 'd'].map((name) => podOf(name, {}));
    expect(newFit().admit(podOf('pod', {}), ...others)?.reason).toBe('OutOfpods');
    expect(newFit().admit(podOf('pod', {}), ...others.slice(1))).toBeUndefined();
  });
});

it('a pod fits in what is left, to the last of it', () => {
  expect(newFit().admit(podOf('pod', { cpu: '1500m', memory: '1k' }), podOf('used', { cpu: '500m' }))).toBeUndefined();
});

describe('a critical pod', () => {
  const critical = podOf('critical', { cpu: '1' }, { priority: 2_000_000_000 });
  const guaranteed = podOf(
    'guaranteed',
    {},
    { containers: [{ name: 'c', image: 'a', resources: { requests: { cpu: '1', memory: '1' }, limits: { cpu: '1', memory: '1' } } }] },
  );

  it('ends pods of lower classes first, and the nearest in size', async () => {
    const { admit, evicted, metrics } = newFit();
    expect(admit(critical, guaranteed, podOf('small', { cpu: '100m' }), podOf('right', { cpu: '800m' }))).toBeUndefined();
    expect(evicted).toEqual(['right', 'small']);
    expect(await metrics.registry.getSingleMetricAsString('kubelet_preemptions')).toMatch(
      /^kubelet_preemptions\{preemption_signal="cpu"\} 2$/m,
    );
  });

  it('ends only as many as it needs', () => {
    const { admit, evicted } = newFit();
    expect(admit(critical, podOf('big', { cpu: '1500m' }), podOf('small', { cpu: '500m' }))).toBeUndefined();
    expect(evicted).toEqual(['big']);
  });

  it('ends a guaranteed one where nothing else would do', () => {
    const { admit, evicted } = newFit();
    expect(admit(critical, guaranteed, { ...guaranteed, metadata: { name: 'other', uid: 'other' } })).toBeUndefined();
    expect(evicted).toHaveLength(1);
  });

  it('is refused where the end of all would not do, and then nothing is ended', () => {
    const { admit, evicted } = newFit();
    expect(admit(podOf('huge', { cpu: '3' }, { priority: 2_000_000_000 }), podOf('small', { cpu: '100m' }))?.reason).toBe('OutOfcpu');
    expect(evicted).toEqual([]);
  });

  it('ends no other critical pod', () => {
    const { admit, evicted } = newFit();
    expect(admit(critical, { ...critical, metadata: { name: 'a' } }, { ...critical, metadata: { name: 'b' } })?.reason).toBe('OutOfcpu');
    expect(evicted).toEqual([]);
  });

  it('does not count on room that another one has been promised', () => {
    const { admit, evicted } = newFit();
    const others = [podOf('a', { cpu: '1' }), podOf('b', { cpu: '1' })];
    const second = { ...critical, metadata: { name: 'second', uid: 'second' } };
    admit(critical, ...others);
    admit(second, ...others, critical);
    expect(evicted.sort()).toEqual(['a', 'b']);
  });
});

it('a pod of users ends no other, whatever its priority', () => {
  const { admit, evicted } = newFit();
  expect(admit(podOf('pod', { cpu: '2' }, { priority: 1000 }), podOf('low', { cpu: '1' }, { priority: 0 }))?.reason).toBe('OutOfcpu');
  expect(evicted).toEqual([]);
});
