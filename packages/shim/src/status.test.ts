import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { writeCniPlugins } from '../testing/cni-plugins.ts';
import { TestShim, type TestShimOptions } from '../testing/test-shim.ts';

let shim: TestShim;

afterEach(() => shim.close());

async function conditions(options: TestShimOptions = {}) {
  shim = await TestShim.start(options);
  return current();
}

async function current() {
  const { status } = await shim.runtime.status({ verbose: false });
  return Object.fromEntries((status?.conditions ?? []).map(({ type, ...condition }) => [type, condition]));
}

const ready = { status: true, reason: '', message: '' };

describe('Status', () => {
  it('is ready, and names its handler', async () => {
    expect(await conditions()).toEqual({ RuntimeReady: ready, NetworkReady: ready });
    const { runtimeHandlers } = await shim.runtime.status({ verbose: false });
    expect(runtimeHandlers.map(({ name }) => name)).toEqual(['', 'process']);
  });

  it('is ready where a usable network is configured', async () => {
    expect((await conditions({ features: { network: true }, cni: writeCniPlugins })).NetworkReady).toEqual(ready);
  });

  it('says which directory has no network configuration, and follows when there is one', async () => {
    const { NetworkReady } = await conditions({ features: { network: true } });
    expect(NetworkReady).toMatchObject({ status: false, reason: 'NetworkPluginNotReady' });
    expect(NetworkReady?.message).toContain(`${shim.directory}/net.d: no usable CNI network`);
    await writeCniPlugins(shim.directory);
    expect((await current()).NetworkReady).toEqual(ready);
    const [file = ''] = await readdir(join(shim.directory, 'net.d'));
    await writeFile(join(shim.directory, 'net.d', file), 'not JSON');
    expect((await current()).NetworkReady?.message).toContain(`${file}: is not JSON`);
  });

  it('says which plugin of the network is missing', async () => {
    const { NetworkReady } = await conditions({
      features: { network: true },
      cni: async (root) => {
        const places = await writeCniPlugins(root);
        await rm(join(places.binDir, 'testnet'));
        return places;
      },
    });
    expect(NetworkReady).toMatchObject({ status: false, message: expect.stringMatching(/testnet.*\/bin/) });
  });

  it('says that the runtime is not ready once it tells no more events', async () => {
    await conditions();
    shim.host.emitter.emit('event', new Error('the watcher died'));
    await expect
      .poll(async () => (await current()).RuntimeReady)
      .toEqual({ status: false, reason: 'RuntimeFault', message: 'the runtime tells no more events: the watcher died' });
  });

  it('has more to say when asked for it', async () => {
    await conditions();
    const { info } = await shim.runtime.status({ verbose: true });
    expect(JSON.parse(info.info ?? '')).toMatchObject({ handler: 'process', features: { rootfs: 'none' } });
  });
});
