import type { PodSpec, ResourceRequirements } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { makePod } from '../../testing/observed-pod.ts';
import { type CgroupValues, weightOf } from './cgroup-values.ts';
import { defaultPodValues, type PodValuesOptions, podValues } from './pod-values.ts';

const container = (resources: ResourceRequirements, name = 'main') => ({ name, image: 'a:1', resources });
const one = (resources: ResourceRequirements): Partial<PodSpec> => ({ containers: [container(resources)] });
const mebi = 2n ** 20n;

describe("the values of a pod's cgroup", () => {
  it.each<[what: string, spec: Partial<PodSpec>, expected: CgroupValues]>([
    ['of best effort: the least shares, and no limit', {}, { cpuShares: 2n, hugePageLimits: {} }],
    [
      'of a guaranteed pod: what it has',
      one({ limits: { cpu: '500m', memory: '64Mi' } }),
      { cpuShares: 512n, cpuQuota: 50_000n, cpuPeriod: 100_000n, memoryLimit: 64n * mebi, hugePageLimits: {} },
    ],
    [
      'of a burstable pod: limits where every container has one',
      { containers: [container({ limits: { cpu: '1', memory: '32Mi' } }), container({ limits: { memory: '32Mi' } }, 'side')] },
      { cpuShares: 1024n, memoryLimit: 64n * mebi, hugePageLimits: {} },
    ],
    [
      'with overhead',
      { ...one({ limits: { cpu: '1', memory: '32Mi' } }), overhead: { cpu: '250m', memory: '16Mi' } },
      { cpuShares: 1280n, cpuQuota: 125_000n, cpuPeriod: 100_000n, memoryLimit: 48n * mebi, hugePageLimits: {} },
    ],
    [
      'of a pod with resources of its own: those',
      { resources: { requests: { cpu: '1' }, limits: { cpu: '2', memory: '1Gi' } } },
      { cpuShares: 1024n, cpuQuota: 200_000n, cpuPeriod: 100_000n, memoryLimit: 1024n * mebi, hugePageLimits: {} },
    ],
  ])('%s', (_what, spec, expected) => {
    expect(podValues(makePod(spec), defaultPodValues, [])).toEqual(expected);
  });

  it.each<[what: string, options: Partial<PodValuesOptions>, expected: CgroupValues]>([
    ['podPidsLimit bounds processes', { podPidsLimit: 100n }, { pidsLimit: 100n }],
    ['cpuCFSQuota off lifts limits of CPU', { cpuCFSQuota: false }, { cpuQuota: -1n }],
    ['cpuCFSQuotaPeriod is the period', { cpuCFSQuotaPeriod: 10_000n }, { cpuQuota: 10_000n, cpuPeriod: 10_000n }],
    ['memoryThrottlingFactor keeps the requested memory', { memoryThrottlingFactor: 0.9 }, { unified: { 'memory.min': '67108864' } }],
  ])('%s', (_what, options, expected) => {
    const pod = makePod(one({ limits: { cpu: '1', memory: '64Mi' } }));
    expect(podValues(pod, { ...defaultPodValues, ...options }, [])).toMatchObject(expected);
  });

  it('allow no huge pages but those of the limits', () => {
    const pod = makePod(one({ limits: { memory: '64Mi', 'hugepages-2Mi': '4Mi' } }));
    expect(podValues(pod, defaultPodValues, ['2MB', '1GB']).hugePageLimits).toEqual({ '2MB': 4n * mebi, '1GB': 0n });
  });
});

it.each([
  [2n, 1n],
  [1024n, 39n],
  [262_144n, 10_000n],
])('%s shares are the weight %s of cgroup v2', (shares, weight) => {
  expect(weightOf(shares)).toBe(weight);
});
