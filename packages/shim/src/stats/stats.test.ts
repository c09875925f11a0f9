import type { Usage } from '@berth/sdk/cgroup/usage';
import type { PodSandboxStatsFilter } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collect } from '../../testing/collect.ts';
import { TestShim } from '../../testing/test-shim.ts';

let shim: TestShim;
let pod: string;
let containers: [string, string];

const usage: Usage = {
  at: new Date(1_000_000),
  cpu: { total: 3_000_000_000n },
  memory: { used: 900n, workingSet: 700n, rss: 500n, limit: 1000n, pageFaults: 11n, majorPageFaults: 2n },
  swap: { used: 30n, limit: 100n },
  processes: 3n,
};

const anyContainer = { id: '', podSandboxId: '', labelSelector: {} };

beforeEach(async () => {
  shim = await TestShim.start();
  pod = await shim.runPod({ labels: { app: 'shop' }, annotations: { note: 'x' } });
  containers = [
    await shim.runContainer(pod, { metadata: { name: 'a' }, labels: { tier: 'web' } }),
    await shim.runContainer(pod, { metadata: { name: 'b' } }),
  ];
  for (const id of containers) shim.host.usages.set(id, usage);
});

afterEach(() => shim.close());

describe('ContainerStats', () => {
  it('tells what the container is and uses, and what its limits leave', async () => {
    const { stats } = await shim.runtime.containerStats({ containerId: containers[0].slice(0, 12) });
    expect(stats).toMatchObject({
      attributes: { id: containers[0], metadata: { name: 'a' }, labels: { tier: 'web' } },
      cpu: { timestamp: 1_000_000_000_000n, usageCoreNanoSeconds: { value: 3_000_000_000n }, usageNanoCores: undefined },
      memory: {
        workingSetBytes: { value: 700n },
        availableBytes: { value: 300n },
        usageBytes: { value: 900n },
        rssBytes: { value: 500n },
        pageFaults: { value: 11n },
        majorPageFaults: { value: 2n },
      },
      swap: { swapUsageBytes: { value: 30n }, swapAvailableBytes: { value: 70n } },
    });
  });

  it('tells the rate of CPU time from the second reading on', async () => {
    const [containerId] = containers;
    await shim.runtime.containerStats({ containerId });
    shim.host.usages.set(containerId, { ...usage, at: new Date(1_010_000), cpu: { total: 8_000_000_000n } });
    const { stats } = await shim.runtime.containerStats({ containerId });
    expect(stats?.cpu?.usageNanoCores).toEqual({ value: 500_000_000n });
  });

  it('is NOT_FOUND for a container that is not there, and has no figures for one that has ended', async () => {
    await expect(shim.runtime.containerStats({ containerId: '../..' })).rejects.toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    await shim.runtime.stopContainer({ containerId: containers[0], timeout: 0n });
    const { stats } = await shim.runtime.containerStats({ containerId: containers[0] });
    expect(stats).toMatchObject({ attributes: { id: containers[0] }, cpu: undefined, memory: undefined });
  });
});

describe('ListContainerStats and its stream', () => {
  it.each([
    [undefined, ['a', 'b']],
    [{ ...anyContainer, labelSelector: { tier: 'web' } }, ['a']],
    [{ ...anyContainer, podSandboxId: 'none' }, []],
  ])('filter by %j', async (filter, names) => {
    const { stats } = await shim.runtime.listContainerStats({ filter });
    expect(stats.map(({ attributes }) => attributes?.metadata?.name)).toEqual(names);
    const streamed = (await collect(shim.runtime.streamContainerStats({ filter }))).flatMap(({ containerStats }) => containerStats);
    expect(streamed).toEqual(stats);
  });

  it('leave out the figures of a container that cannot be read, and tell the others', async () => {
    shim.host.usages.delete(containers[0]);
    const { stats } = await shim.runtime.listContainerStats({ filter: undefined });
    expect(stats.map(({ memory }) => memory?.usageBytes)).toEqual([undefined, { value: 900n }]);
    shim.host.faults.set('usage', 'throws');
    expect((await shim.runtime.listContainerStats({ filter: undefined })).stats.map(({ memory }) => memory)).toEqual([
      undefined,
      undefined,
    ]);
  });
});

describe('PodSandboxStats', () => {
  it('adds up the running containers of a pod that has no accounts of its own', async () => {
    const { stats } = await shim.runtime.podSandboxStats({ podSandboxId: pod });
    expect(stats).toMatchObject({
      attributes: { id: pod, metadata: { name: 'web' }, labels: { app: 'shop' }, annotations: { note: 'x' } },
      linux: {
        cpu: { usageCoreNanoSeconds: { value: 6_000_000_000n } },
        memory: { workingSetBytes: { value: 1400n }, availableBytes: undefined },
        process: { processCount: { value: 6n } },
        network: undefined,
      },
    });
    expect(stats?.linux?.containers.map(({ attributes }) => attributes?.id)).toEqual(containers);
  });

  it('has no figures for a stopped pod', async () => {
    await shim.runtime.stopPodSandbox({ podSandboxId: pod });
    const { stats } = await shim.runtime.podSandboxStats({ podSandboxId: pod });
    expect(stats?.linux).toMatchObject({ cpu: undefined, memory: undefined, containers: [] });
  });

  it('is told for all that match, as a list and as a stream', async () => {
    const filters: (PodSandboxStatsFilter | undefined)[] = [
      undefined,
      { id: pod.slice(0, 12), labelSelector: { app: 'shop' } },
      { id: 'none', labelSelector: {} },
    ];
    for (const filter of filters) {
      const { stats } = await shim.runtime.listPodSandboxStats({ filter });
      expect(stats).toHaveLength(filter?.id === 'none' ? 0 : 1);
      const streamed = await collect(shim.runtime.streamPodSandboxStats({ filter }));
      expect(streamed.flatMap(({ podSandboxStats }) => podSandboxStats.map(({ attributes }) => attributes))).toEqual(
        stats.map(({ attributes }) => attributes),
      );
    }
  });
});

describe('ListPodSandboxMetrics', () => {
  it('has a descriptor for each metric, with as many labels as it has values', async () => {
    const { descriptors } = await shim.runtime.listMetricDescriptors({});
    const { podMetrics } = await shim.runtime.listPodSandboxMetrics({});
    expect(new Set(descriptors.map(({ name }) => name)).size).toBe(descriptors.length);
    const metrics = podMetrics.flatMap((each) => [...each.metrics, ...each.containerMetrics.flatMap((container) => container.metrics)]);
    expect(metrics.length).toBeGreaterThan(20);
    for (const { name, labelValues } of metrics) {
      expect({ name, labels: labelValues.length }).toEqual({
        name,
        labels: descriptors.find((descriptor) => descriptor.name === name)?.labelKeys.length,
      });
    }
  });

  it('tells whose each value is', async () => {
    const { podMetrics } = await shim.runtime.listPodSandboxMetrics({});
    const [first] = podMetrics[0]?.containerMetrics ?? [];
    const failures = first?.metrics.filter(({ name }) => name === 'container_memory_failures_total');
    expect(failures?.map(({ labelValues, value }) => [...labelValues.slice(0, 2), ...labelValues.slice(-4), value?.value])).toEqual([
      ['a', containers[0], 'default', 'web', 'pgfault', 'hierarchy', 11n],
      ['a', containers[0], 'default', 'web', 'pgmajfault', 'hierarchy', 2n],
    ]);
    const streamed = await collect(shim.runtime.streamPodSandboxMetrics({}));
    expect(streamed.flatMap(({ podSandboxMetrics }) => podSandboxMetrics.map(({ podSandboxId }) => podSandboxId))).toEqual([pod]);
  });
});
