import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DeviceDescription } from '../device.ts';
import { KubeletBench, resource, startOfTime } from './mock-kubelet.fixture.ts';
import { MockKubelet, type ResourceStatus } from './mock-kubelet.ts';

const bench = KubeletBench.forEachTest();

const status = (): ResourceStatus | undefined => bench.kubelet.resources().get(resource);
const healths = () => status()?.devices.map(({ id, healthy }) => `${id} ${healthy ? 'healthy' : 'unhealthy'}`);
const socketsOf = (directory: string) => readdirSync(directory).filter((name) => name.endsWith('.sock'));

describe('a plugin of the author’s kit', () => {
  it('is registered with its options, and its devices are known', async () => {
    bench.plugin(
      [
        { id: 'a', numaNodes: [0, 1] },
        { id: 'b', healthy: false },
      ],
      { preStart: () => undefined },
    );
    await bench.kubelet.waitFor(() => status()?.devices.length === 2);
    expect(status()).toEqual({
      resource,
      connected: true,
      socket: join(bench.deviceDirectory, 'vendor.example-thing.sock'),
      registeredAt: startOfTime,
      options: { preStartRequired: true, getPreferredAllocationAvailable: false },
      devices: [
        { id: 'a', healthy: true, numaNodes: [0, 1] },
        { id: 'b', healthy: false, numaNodes: [] },
      ],
    });
    expect(bench.events.at(-1)).toMatchObject({ at: startOfTime, event: 'devices', came: ['a', 'b'], went: [], recovered: [], failed: [] });
  });

  it('has its changes told, each once', async () => {
    const lists: DeviceDescription[][] = [
      [{ id: 'a' }, { id: 'b' }],
      [{ id: 'a', healthy: false }, { id: 'b' }],
      [{ id: 'a' }, { id: 'c' }],
    ];
    const asked = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    bench.plugin([], {
      async *list(signal) {
        for (const [index, list] of lists.entries()) {
          yield list;
          await asked[index]?.promise;
        }
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      },
    });
    await bench.kubelet.waitFor(() => healths()?.join() === 'a healthy,b healthy');
    asked[0]?.resolve();
    await bench.kubelet.waitFor(() => healths()?.join() === 'a unhealthy,b healthy');
    asked[1]?.resolve();
    await bench.kubelet.waitFor(() => healths()?.join() === 'a healthy,c healthy');
    expect(bench.events.slice(-3)).toMatchObject([
      { came: ['a', 'b'] },
      { came: [], failed: ['a'], recovered: [] },
      { came: ['c'], went: ['b'], failed: [], recovered: ['a'] },
    ]);
  });

  it('registers again when the kubelet restarts, and its containers keep their devices', async () => {
    bench.plugin([{ id: 'a' }]);
    await bench.kubelet.waitFor(() => healths()?.join() === 'a healthy');
    await bench.kubelet.allocate(resource, { count: 1 });
    await bench.kubelet.restart();
    expect([status()?.connected, healths()]).toEqual([false, ['a unhealthy']]);
    await bench.kubelet.waitFor(() => status()?.devices.some(({ healthy, container }) => healthy && container === 'container-1'));
    expect(bench.happened).toEqual(['started', 'registered', 'devices', 'stopped', 'started', 'registered', 'devices']);
  });

  it('that ends leaves its devices unhealthy', async () => {
    const plugin = bench.plugin([{ id: 'a' }]);
    await bench.kubelet.waitFor(() => healths()?.join() === 'a healthy');
    await plugin.stop();
    await bench.kubelet.waitFor(() => status()?.connected === false);
    expect(healths()).toEqual(['a unhealthy']);
    expect(bench.messages.at(-1)).toMatch(
      /^device plugin for vendor\.example\/thing at .*thing\.sock: .*; its devices are unhealthy until one registers again$/,
    );
    await expect(bench.kubelet.allocate(resource, { count: 1 })).rejects.toThrow(
      /resource vendor\.example\/thing: its plugin at .* has gone; start the plugin again/,
    );
  });
});

describe('its directory', () => {
  it('has the kubelet’s socket as long as it runs, and no other kubelet beside it', async () => {
    const other = new MockKubelet({ directory: bench.directory });
    await expect(other.start()).rejects.toThrow(/a kubelet serves on .*kubelet\.sock; choose another directory/);
    await expect(bench.kubelet.start()).rejects.toThrow(/it runs already; stop it first/);
    await bench.kubelet.stop();
    await bench.kubelet.stop();
    expect(existsSync(join(bench.deviceDirectory, 'kubelet.sock'))).toBe(false);
    expect(bench.happened).toEqual(['started', 'stopped']);
  });

  it('has no directory in a file', async () => {
    const kubelet = new MockKubelet({ directory: join(bench.directory, 'file') });
    writeFileSync(join(bench.directory, 'file'), '');
    await expect(kubelet.start()).rejects.toThrow(/^mock kubelet in .*\/file: ENOTDIR.*; choose a directory that this user may write to$/);
  });

  it('loses the sockets of plugins at each start', async () => {
    await bench.rawPlugin({}, 'old.sock');
    expect(socketsOf(bench.deviceDirectory)).toEqual(['kubelet.sock', 'old.sock']);
    await bench.kubelet.restart();
    expect(socketsOf(bench.deviceDirectory)).toEqual(['kubelet.sock']);
  });
});

describe('waiting', () => {
  it('gives what the condition gives', async () => {
    bench.plugin([{ id: 'a' }]);
    const found = bench.kubelet.waitFor(({ resources }) =>
      resources()
        .get(resource)
        ?.devices.find(({ healthy }) => healthy),
    );
    expect(await found).toEqual({ id: 'a', healthy: true, numaNodes: [] });
  });

  it('in vain says what there is instead', async () => {
    bench.plugin([{ id: 'a' }]);
    await bench.kubelet.waitFor(() => healths()?.length);
    await expect(bench.kubelet.waitFor(() => false, { deadlineMs: 1, what: 'a second device' })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message:
        'mock kubelet: a second device has not come within 0.001 s: vendor.example/thing: 1 of 1 healthy; look at what the plugin prints',
    });
  });

  it('ends with its signal, and with what the condition throws', async () => {
    await expect(bench.kubelet.waitFor(() => false, { signal: AbortSignal.abort(new Error('no more')) })).rejects.toThrow('no more');
    const condition = (): boolean => {
      throw new Error('a typo');
    };
    await expect(bench.kubelet.waitFor(condition)).rejects.toThrow('a typo');
  });
});
