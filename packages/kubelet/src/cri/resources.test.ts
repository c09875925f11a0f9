import type { Container, PodSpec, ResourceRequirements } from '@berth/api/objects';
import type { LinuxContainerResources } from '@berth/sdk/cri';
import { describe, expect, it } from 'vitest';
import { containerHost } from '../../testing/container-host.ts';
import { makePod } from '../../testing/observed-pod.ts';
import type { ContainerResourcesOptions } from './container-resources-options.ts';
import { containerResources } from './resources.ts';
import { sandboxResources } from './sandbox-resources.ts';

function valuesOf(resources: ResourceRequirements, options: Partial<ContainerResourcesOptions> = {}, more: Partial<PodSpec> = {}) {
  const pod = makePod({ containers: [{ name: 'main', image: 'a:1', resources }], ...more });
  const [container] = pod.spec?.containers ?? [];
  if (!container) throw new Error('the pod has no container');
  return containerResources(pod, container, { ...containerHost, ...options });
}

const sidecar: Container = { name: 'side', image: 'a:1', restartPolicy: 'Always' };

describe('the CPU of a container', () => {
  it.each<
    [what: string, resources: ResourceRequirements, options: Partial<ContainerResourcesOptions>, expected: Partial<LinuxContainerResources>]
  >([
    [
      'is weighed by its request, and bounded by its limit',
      { requests: { cpu: '250m' }, limits: { cpu: '1' } },
      {},
      { cpuShares: 256n, cpuQuota: 100_000n, cpuPeriod: 100_000n },
    ],
    ['has no limit where the node enforces none', { limits: { cpu: '1' } }, { cpuCFSQuota: false }, { cpuShares: 1024n, cpuQuota: 0n }],
    [
      "is counted in the node's period",
      { limits: { cpu: '1' } },
      { cpuCFSQuotaPeriod: 10_000n },
      { cpuQuota: 10_000n, cpuPeriod: 10_000n },
    ],
  ])('%s', (_what, resources, options, expected) => {
    expect(valuesOf(resources, options)).toMatchObject(expected);
  });
});

it('a container without a limit has that of the pod', () => {
  const more = { resources: { limits: { cpu: '2', memory: '1Gi' } } };
  expect(valuesOf({}, {}, more)).toMatchObject({ cpuQuota: 200_000n, memoryLimitInBytes: 2n ** 30n });
  expect(valuesOf({ limits: { memory: '1Mi' } }, {}, more)).toMatchObject({ cpuQuota: 200_000n, memoryLimitInBytes: 2n ** 20n });
});

it('huge pages are limited to what is asked for, of every size that the host can limit', () => {
  const { hugepageLimits } = valuesOf({ limits: { cpu: '1', 'hugepages-2Mi': '4Mi' } }, { pageSizes: ['2MB', '1GB'] });
  expect(hugepageLimits).toEqual([
    { pageSize: '2MB', limit: 4n * 2n ** 20n },
    { pageSize: '1GB', limit: 0n },
  ]);
});

describe('oom_score_adj', () => {
  const half = { requests: { memory: '512Mi' } };
  const ofSidecar = (own: ResourceRequirements, main: ResourceRequirements) => {
    const pod = makePod({
      containers: [{ name: 'main', image: 'a:1', resources: main }],
      initContainers: [{ ...sidecar, resources: own }],
    });
    return containerResources(pod, pod.spec?.initContainers?.[0] ?? sidecar, containerHost).oomScoreAdj;
  };

  it.each<[what: string, score: bigint, resources: ResourceRequirements, more: Partial<PodSpec>]>([
    ['is lowest for Guaranteed pods', -997n, { limits: { cpu: '1', memory: '1Gi' } }, {}],
    [
      'is lowest for pods that the node cannot do without',
      -997n,
      {},
      { priority: 2_000_001_000, priorityClassName: 'system-node-critical' },
    ],
    ['is highest for best effort', 1000n, {}, {}],
    ['falls with the request', 500n, half, {}],
    ['is never that of best effort', 999n, { requests: { cpu: '1' } }, {}],
    ['is never that of Guaranteed', 3n, { requests: { memory: '1Ti' } }, {}],
    ['counts what the pod as a whole requests beyond its containers', 250n, half, { resources: { requests: { memory: '768Mi' } } }],
  ])('%s', (_what, score, resources, more) => {
    expect(valuesOf(resources, {}, more).oomScoreAdj).toBe(score);
  });

  it('of a sidecar is no higher than that of the containers that it serves', () => {
    expect(ofSidecar({ requests: { memory: '128Mi' } }, half)).toBe(500n);
    expect(ofSidecar(half, { requests: { memory: '128Mi' } })).toBe(500n);
  });
});

describe('swap', () => {
  const burstable = { requests: { memory: '256Mi' } };
  const v2 = { swapLimits: true, unifiedCgroups: true, singleProcessOOMKill: true };

  it.each<
    [what: string, resources: ResourceRequirements, options: Partial<ContainerResourcesOptions>, expected: Partial<LinuxContainerResources>]
  >([
    ["isn't spoken of where it can't be limited", { limits: { memory: '1Mi' } }, {}, { memorySwapLimitInBytes: 0n, unified: {} }],
    [
      'is none on cgroup v1',
      { limits: { memory: '1Mi' } },
      { swapLimits: true, swapBehavior: 'LimitedSwap' },
      { memorySwapLimitInBytes: 2n ** 20n },
    ],
    ['is none by default', burstable, v2, { unified: { 'memory.swap.max': '0' } }],
    [
      'is in proportion to the request with LimitedSwap',
      burstable,
      { ...v2, swapBehavior: 'LimitedSwap' },
      { unified: { 'memory.swap.max': String(2n ** 29n) } },
    ],
    ['is none for best effort with LimitedSwap', {}, { ...v2, swapBehavior: 'LimitedSwap' }, { unified: { 'memory.swap.max': '0' } }],
  ])('%s', (_what, resources, options, expected) => {
    expect(valuesOf(resources, options)).toMatchObject(expected);
  });
});

describe('with cgroup v2', () => {
  it('all of a container ends when its memory runs out', () => {
    expect(valuesOf({}, { unifiedCgroups: true }).unified).toEqual({ 'memory.oom.group': '1' });
    expect(valuesOf({}, { unifiedCgroups: true, singleProcessOOMKill: true }).unified).toEqual({});
  });

  it('MemoryQoS keeps what is requested, and slows down near the limit', () => {
    const options = { unifiedCgroups: true, singleProcessOOMKill: true, memoryThrottlingFactor: 0.9 };
    const unified = (resources: ResourceRequirements) => valuesOf(resources, options).unified;
    expect(unified({ requests: { memory: '100Mi' }, limits: { memory: '200Mi' } })).toEqual({
      'memory.min': String(100n * 2n ** 20n),
      'memory.high': String(190n * 2n ** 20n),
    });
    expect(unified({ limits: { memory: '100Mi' } })).toEqual({ 'memory.min': String(100n * 2n ** 20n) });
  });
});

describe('the resources of a sandbox', () => {
  it('are those of all containers, without the overhead', () => {
    const limited = { limits: { cpu: '1', memory: '64Mi' } };
    const pod = makePod({
      overhead: { memory: '1Gi' },
      containers: [{ name: 'main', image: 'a:1', resources: limited }],
      initContainers: [{ ...sidecar, resources: limited }],
    });
    expect(sandboxResources(pod)).toMatchObject({ cpuShares: 2048n, cpuQuota: 200_000n, memoryLimitInBytes: 2n ** 27n });
  });

  it('have a limit only where every container has one', () => {
    const pod = makePod({
      containers: [
        { name: 'main', image: 'a:1', resources: { limits: { memory: '64Mi' } } },
        { name: 'b', image: 'a:1' },
      ],
    });
    expect(sandboxResources(pod)).toMatchObject({ cpuQuota: 0n, memoryLimitInBytes: 0n });
  });
});
