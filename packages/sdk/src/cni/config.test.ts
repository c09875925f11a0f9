import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadNetworkConfig, readConfigDirectory } from './config.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-cni-config-'));
});
afterEach(() => rm(directory, { recursive: true }));

const write = (name: string, value: unknown) => writeFile(join(directory, name), typeof value === 'string' ? value : JSON.stringify(value));
const list = (name: string, rest: object = {}) => ({ cniVersion: '1.0.0', name, plugins: [{ type: 'bridge' }], ...rest });

describe('loadNetworkConfig', () => {
  it('takes the first .conflist by name, before any .conf', async () => {
    await write('00-single.conf', { cniVersion: '1.0.0', name: 'single', type: 'ptp' });
    await write('20-later.conflist', list('later'));
    await write('10-first.conflist', list('first'));
    expect(await loadNetworkConfig(directory)).toMatchObject({
      name: 'first',
      file: join(directory, '10-first.conflist'),
      disableCheck: false,
    });
  });

  it('takes the network of the given name', async () => {
    await write('10-first.conflist', list('first'));
    await write('20-later.conflist', list('later'));
    expect((await loadNetworkConfig(directory, { name: 'later' })).name).toBe('later');
  });

  it('makes a list of a single plugin', async () => {
    await write('10-single.conf', { cniVersion: '0.4.0', name: 'single', type: 'ptp', mtu: 1400 });
    const loaded = await loadNetworkConfig(directory);
    expect(loaded).toMatchObject({ cniVersion: '0.4.0', name: 'single', plugins: [{ type: 'ptp', mtu: 1400 }] });
    expect(JSON.parse(loaded.text)).toMatchObject({ name: 'single', plugins: [{ type: 'ptp' }] });
  });

  it('passes over a broken file and remembers why', async () => {
    await write('10-broken.conflist', '{"name": "x", ');
    await write('20-good.conflist', list('good'));
    expect((await loadNetworkConfig(directory)).name).toBe('good');
    const { problems } = await readConfigDirectory(directory);
    expect(problems.map(({ message }) => message)).toEqual([expect.stringContaining('10-broken.conflist: is not JSON')]);
  });

  it('chooses the highest supported of cniVersions', async () => {
    await write('10.conflist', list('net', { cniVersions: ['1.1.0', '7.0.0', '0.4.0'] }));
    expect((await loadNetworkConfig(directory)).cniVersion).toBe('1.1.0');
  });

  it('takes flags as booleans and as text', async () => {
    await write('10.conflist', list('net', { disableCheck: 'true', disableGC: true }));
    expect(await loadNetworkConfig(directory)).toMatchObject({ disableCheck: true, disableGC: true });
  });

  it('adds the plugins of the directory beside it, unless told not to', async () => {
    await mkdir(join(directory, 'net'));
    await write('net/10-tuning.conf', { type: 'tuning' });
    await write('10.conflist', list('net'));
    expect((await loadNetworkConfig(directory)).plugins.map(({ type }) => type)).toEqual(['bridge', 'tuning']);
    await write('10.conflist', list('net', { loadOnlyInlinedPlugins: true }));
    expect((await loadNetworkConfig(directory)).plugins.map(({ type }) => type)).toEqual(['bridge']);
  });

  it.each([
    [list('net', { name: undefined }), 'name is missing'],
    [list('a/b'), 'name "a/b" holds characters'],
    [list('net', { plugins: {} }), 'plugins must be a list'],
    [list('net', { plugins: [] }), 'plugins is empty'],
    [list('net', { plugins: [{ type: 'bridge' }, { mtu: 1 }] }), 'plugins[1].type is missing'],
    [list('net', { plugins: [{ type: '../sh' }] }), 'plugins[0].type "../sh" must be a file name'],
    [list('net', { cniVersion: '9.9.9' }), 'cniVersion 9.9.9 is not supported'],
    [list('net', { disableGC: 'maybe' }), 'disableGC must be true or false'],
  ])('names the file and the field of %j', async (value, message) => {
    await write('10.conflist', value);
    await expect(loadNetworkConfig(directory)).rejects.toThrow(`${join(directory, '10.conflist')}: ${message}`);
  });

  it('says so where there is nothing', async () => {
    await expect(loadNetworkConfig(join(directory, 'none'))).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      object: join(directory, 'none'),
    });
  });
});
