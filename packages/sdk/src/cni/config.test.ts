import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadNetworkConfig, parseNetworkConfig, readConfigDirectory } from './config.ts';

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
    await write('10-broken.conflist', '{"name": x\n}');
    await write('20-good.conflist', list('good'));
    expect((await loadNetworkConfig(directory)).name).toBe('good');
    const { problems } = await readConfigDirectory(directory);
    expect(problems.map(({ message }) => message)).toEqual([expect.stringMatching(/10-broken\.conflist: is not JSON: .+$/)]);
  });

  it('says of a file that it is no directory', async () => {
    await write('10-good.conflist', list('good'));
    const file = join(directory, '10-good.conflist');
    await expect(readConfigDirectory(file)).rejects.toThrow(`${file}: is no directory; name a directory of configurations`);
  });

  it('passes over a pipe, which nobody may ever write into, and a link to nothing', async () => {
    execFileSync('mkfifo', [join(directory, '10-pipe.conflist')]);
    await symlink('/no/such/file', join(directory, '20-link.conflist'));
    await write('30-net.conflist', list('net'));
    const { networks, problems } = await readConfigDirectory(directory);
    expect(networks.map(({ name }) => name)).toEqual(['net']);
    expect(problems.map(({ message }) => message)).toEqual([
      expect.stringContaining('10-pipe.conflist: is no regular file; remove it'),
      expect.stringContaining('20-link.conflist: is gone, or a link to nothing'),
    ]);
  });

  it('says of a list that is a single plugin how to name it', async () => {
    await write('10-net.conflist', { cniVersion: '1.0.0', name: 'net', type: 'bridge' });
    await expect(loadNetworkConfig(directory)).rejects.toThrow('10-net.conflist: holds a single plugin; give it a name that ends in .conf');
  });

  it('chooses the highest supported of cniVersions', async () => {
    await write('10.conflist', list('net', { cniVersions: ['1.1.0', '7.0.0', '0.4.0'] }));
    expect((await loadNetworkConfig(directory)).cniVersion).toBe('1.1.0');
  });

  it('takes flags as booleans and as text', async () => {
    await write('10.conflist', list('net', { disableCheck: 'True', disableGC: true }));
    expect(await loadNetworkConfig(directory)).toMatchObject({ disableCheck: true, disableGC: true });
  });

  it('adds the plugins of the directory beside it, unless told not to', async () => {
    await mkdir(join(directory, 'net'));
    await write('net/10-tuning.conf', { type: 'tuning' });
    await write('10.conflist', list('net'));
    expect((await loadNetworkConfig(directory)).plugins.map(({ type }) => type)).toEqual(['bridge', 'tuning']);
    await write('10.conflist', list('net', { loadOnlyInlinedPlugins: 'true' }));
    expect((await loadNetworkConfig(directory)).plugins.map(({ type }) => type)).toEqual(['bridge']);
  });

  it('needs no plugins in the list itself where that directory has some, and keeps them all for DEL', async () => {
    await mkdir(join(directory, 'net'));
    await write('net/20-tuning.conf', { type: 'tuning', sysctl: {} });
    await write('net/10-ptp.conf', { type: 'ptp' });
    await write('10.conflist', { cniVersion: '1.1.0', name: 'net', disableGC: true });
    const loaded = await loadNetworkConfig(directory);
    expect(loaded.plugins).toEqual([{ type: 'ptp' }, { type: 'tuning', sysctl: {} }]);
    await rm(join(directory, 'net'), { recursive: true });
    expect(parseNetworkConfig(loaded.text, 'cached')).toMatchObject({ name: 'net', disableGC: true, plugins: loaded.plugins });
  });

  it('passes over directories whose names look like files', async () => {
    await mkdir(join(directory, '00.conflist'));
    await write('10.conflist', list('net'));
    expect(await readConfigDirectory(directory)).toMatchObject({ networks: [{ name: 'net' }], problems: [] });
  });

  it('sees at once what has been changed, removed, put there and made anew', async () => {
    const confDir = join(directory, 'net.d');
    const first = async () => (await loadNetworkConfig(confDir)).name;
    await expect(first()).rejects.toThrow('no usable CNI network');
    await mkdir(confDir);
    await write('net.d/20.conflist', list('old'));
    expect(await first()).toBe('old');
    await write('net.d/20.conflist', list('changed'));
    expect(await first()).toBe('changed');
    await write('net.d/10.conflist', list('earlier'));
    expect(await first()).toBe('earlier');
    await rm(join(confDir, '10.conflist'));
    expect(await first()).toBe('changed');
    await rm(confDir, { recursive: true });
    await expect(first()).rejects.toThrow('no usable CNI network');
    await mkdir(confDir);
    await write('net.d/20.conflist', list('anew'));
    expect(await first()).toBe('anew');
  });

  it.each([
    [list('net', { name: undefined }), 'name is missing'],
    [list('a/b'), 'name "a/b" holds characters'],
    [list('net', { plugins: {} }), 'plugins must be a list'],
    [list('net', { plugins: [] }), 'plugins is empty'],
    [list('net', { plugins: undefined }), 'plugins is missing'],
    [list('net', { cniVersions: ['1.0.0', 2] }), 'cniVersions must be a list of strings'],
    [list('net', { plugins: [{ type: 'bridge' }, { mtu: 1 }] }), 'plugins[1].type is missing'],
    [list('net', { plugins: [{ type: '../sh' }] }), 'plugins[0].type "../sh" must be a file name'],
    [list('net', { cniVersion: '9.9.9' }), 'cniVersion 9.9.9 is not supported'],
    [list('net', { disableGC: 'maybe' }), 'disableGC must be true or false'],
  ])('names the file and the field of %j', async (value, message) => {
    await write('10.conflist', value);
    await expect(loadNetworkConfig(directory)).rejects.toThrow(`${join(directory, '10.conflist')}: ${message}`);
  });

  it.each([
    [{ cniVersion: '1.0.0', name: 'net' }, 'type is missing'],
    [{ cniVersion: '1.0.0', type: 'ptp' }, 'name is missing'],
    [list('net'), 'holds a list of plugins; give it a name that ends in .conflist'],
  ])('takes no list for a single plugin: %j', async (value, message) => {
    await write('10.conf', value);
    await expect(loadNetworkConfig(directory)).rejects.toThrow(message);
  });

  it('says so where there is nothing', async () => {
    await expect(loadNetworkConfig(join(directory, 'none'))).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      object: join(directory, 'none'),
    });
  });
});
