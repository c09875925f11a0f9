import { LinuxContainerResources } from '@berth/sdk/cri';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeOciRuntimes, OciHost } from '../../testing/oci-host.ts';

describeOciRuntimes('what OciRuntime tells of use', (binary) => {
  let host: OciHost;

  beforeEach(async () => {
    host = await OciHost.open(binary);
  });

  afterEach(() => host.close());

  it('is that of the container while it runs, and nothing once it has ended', async () => {
    const spec = host.container('while [ ! -e /stop ]; do :; done', { linux: { resources: { memoryLimitInBytes: 64n << 20n } } });
    await host.run(spec);
    await expect.poll(async () => (await host.runtime.usage(spec))?.cpu?.total).toBeGreaterThan(10_000_000n);
    const usage = await host.runtime.usage(spec);
    expect(usage).toMatchObject({ memory: { limit: 64n << 20n }, processes: 1n });
    expect(usage?.memory?.used).toBeLessThan(64n << 20n);
    await host.runtime.signal(spec, 'SIGKILL', host.signal);
    await host.exitOf(spec);
    await host.runtime.removeContainer(spec, host.signal);
    expect(await host.runtime.usage(spec)).toBeUndefined();
  });

  it('of a pod without a cgroup of its own is unknown', async () => {
    expect(await host.runtime.sandboxUsage(host.sandbox)).toBeUndefined();
  });
});

describeOciRuntimes('limits that are changed by OciRuntime', (binary) => {
  let host: OciHost;

  beforeEach(async () => {
    host = await OciHost.open(binary);
  });

  afterEach(() => host.close());

  it('hold at once, for a container that runs and for one that is yet to start', async () => {
    const resources = { memoryLimitInBytes: 64n << 20n, memorySwapLimitInBytes: 64n << 20n, cpuShares: 100n };
    const spec = host.container('sleep 600', { linux: { resources } });
    await host.runtime.createContainer(spec, host.signal);
    const limits = (fields: object) => LinuxContainerResources.fromPartial({ ...resources, ...fields });
    await host.runtime.update(spec, limits({ memoryLimitInBytes: 96n << 20n, memorySwapLimitInBytes: 96n << 20n }), host.signal);
    await host.runtime.start(spec, host.signal);
    expect((await host.runtime.usage(spec))?.memory?.limit).toBe(96n << 20n);
    await host.runtime.update(spec, limits({ memoryLimitInBytes: 32n << 20n, memorySwapLimitInBytes: 32n << 20n }), host.signal);
    expect((await host.runtime.usage(spec))?.memory?.limit).toBe(32n << 20n);
  });

  it('are refused by name for what the kernel does not take', async () => {
    const spec = host.container('sleep 600');
    await host.run(spec);
    const cpus = LinuxContainerResources.fromPartial({ cpusetCpus: '4000' });
    await expect(host.runtime.update(spec, cpus, host.signal)).rejects.toThrow(/update of container main: linux\.resources\.cpuset_cpus/);
  });
});
