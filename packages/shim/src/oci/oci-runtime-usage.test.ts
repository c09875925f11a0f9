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
