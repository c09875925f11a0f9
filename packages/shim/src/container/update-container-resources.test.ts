import { LinuxContainerResources } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestShim } from '../../testing/test-shim.ts';

let shim: TestShim;
let pod: string;

beforeEach(async () => {
  shim = await TestShim.start();
  pod = await shim.runPod();
});

afterEach(() => shim.close());

const limits = (fields: Parameters<typeof LinuxContainerResources.fromPartial>[0]) => LinuxContainerResources.fromPartial(fields);

function update(containerId: string, fields: Parameters<typeof LinuxContainerResources.fromPartial>[0]) {
  return shim.runtime.updateContainerResources({ containerId, linux: limits(fields), windows: undefined, annotations: {} });
}

describe('UpdateContainerResources', () => {
  it('changes what is set, leaves the rest, and is told by the status, over a restart too', async () => {
    const resources = { cpuShares: 512n, memoryLimitInBytes: 1n << 30n, oomScoreAdj: 5n, unified: { 'memory.high': '1' } };
    const containerId = await shim.runContainer(pod, { linux: { resources } });
    await update(containerId, { cpuQuota: 50_000n, cpuPeriod: 100_000n, memoryLimitInBytes: 2n << 30n, unified: { 'memory.low': '2' } });
    const expected = limits({
      cpuShares: 512n,
      cpuQuota: 50_000n,
      cpuPeriod: 100_000n,
      memoryLimitInBytes: 2n << 30n,
      oomScoreAdj: 5n,
      unified: { 'memory.high': '1', 'memory.low': '2' },
    });
    expect(shim.host.limits.get(containerId)).toEqual(expected);
    await shim.restart();
    expect((await shim.containerStatus(containerId)).resources?.linux).toEqual(expected);
  });

  it('leaves as much swap as there was when only the memory changes', async () => {
    const resources = { memoryLimitInBytes: 100n << 20n, memorySwapLimitInBytes: 130n << 20n };
    const containerId = await shim.runContainer(pod, { linux: { resources } });
    await update(containerId, { memoryLimitInBytes: 200n << 20n });
    expect(shim.host.limits.get(containerId)).toMatchObject({
      memoryLimitInBytes: 200n << 20n,
      memorySwapLimitInBytes: 230n << 20n,
    });
    await expect(update(containerId, { memorySwapLimitInBytes: 100n << 20n })).rejects.toThrow(
      /has to be memory_limit_in_bytes .* or more/,
    );
  });

  it('is there for a container that was created and has not started, and for one that was made without limits', async () => {
    const containerId = await shim.createContainer(pod);
    await update(containerId, { cpuShares: 7n });
    expect((await shim.containerStatus(containerId)).resources?.linux?.cpuShares).toBe(7n);
  });

  it('changes nothing when the runtime fails', async () => {
    const containerId = await shim.runContainer(pod, { linux: { resources: { cpuShares: 512n } } });
    shim.host.faults.set('update', 'throws');
    await expect(update(containerId, { cpuShares: 7n })).rejects.toThrow(/update is broken/);
    expect((await shim.containerStatus(containerId)).resources?.linux?.cpuShares).toBe(512n);
  });

  it('is refused for what has ended, what is not there, and limits of another system', async () => {
    const containerId = await shim.runContainer(pod);
    const windows = { containerId, linux: undefined, windows: undefined, annotations: {} };
    await expect(shim.runtime.updateContainerResources(windows)).rejects.toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    await shim.runtime.stopContainer({ containerId, timeout: 0n });
    await expect(update(containerId, { cpuShares: 7n })).rejects.toThrow(expect.objectContaining({ code: 'FAILED_PRECONDITION' }));
    await expect(update('../..', { cpuShares: 7n })).rejects.toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
  });
});

describe('UpdatePodSandboxResources', () => {
  it('tells the runtime and keeps it, over a restart too', async () => {
    const request = { podSandboxId: pod, overhead: undefined, resources: limits({ memoryLimitInBytes: 1n << 30n }) };
    await shim.runtime.updatePodSandboxResources(request);
    await shim.restart();
    await shim.runtime.updatePodSandboxResources({ ...request, resources: limits({ cpuShares: 100n }) });
    expect(shim.host.podLimits.get(pod)).toEqual({
      overhead: undefined,
      resources: limits({ memoryLimitInBytes: 1n << 30n, cpuShares: 100n }),
    });
  });

  it('is refused for a stopped sandbox', async () => {
    await shim.runtime.stopPodSandbox({ podSandboxId: pod });
    const request = { podSandboxId: pod, overhead: undefined, resources: limits({ cpuShares: 100n }) };
    await expect(shim.runtime.updatePodSandboxResources(request)).rejects.toThrow(expect.objectContaining({ code: 'FAILED_PRECONDITION' }));
  });
});
