import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CniRunner } from '@berth/sdk/cni/runner';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { passedOver, validateConfiguration } from './validation.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-validate-'));
  await mkdir(join(directory, 'bin'));
  await install('bridge', '0.4.0', '1.0.0', '1.1.0');
  await install('host-local', '0.4.0', '1.0.0');
});
afterEach(() => rm(directory, { recursive: true }));

async function install(name: string, ...supportedVersions: string[]): Promise<void> {
  await writeFile(join(directory, 'bin', name), `#!/bin/sh\necho '${JSON.stringify({ cniVersion: '1.0.0', supportedVersions })}'\n`);
  await chmod(join(directory, 'bin', name), 0o755);
}

const write = (name: string, value: unknown) => writeFile(join(directory, name), typeof value === 'string' ? value : JSON.stringify(value));
const list = (name: string, ...plugins: object[]) => ({ cniVersion: '1.0.0', name, plugins });
const bridge = { type: 'bridge', ipam: { type: 'host-local' } };

/** `FILE NETWORK VERDICT FOUND`, the test's directory left out. */
async function findings(): Promise<string[]> {
  const pluginDirs = [join(directory, 'bin')];
  const found = await validateConfiguration(directory, pluginDirs, new CniRunner({ pluginDirs }));
  return found.map(({ file, network, verdict, found: text }) =>
    `${file} ${network} ${verdict}: ${text}`.replaceAll(`${directory}/`, '').replaceAll(directory, 'DIR'),
  );
}

describe('validateConfiguration', () => {
  it('says which network is used, and what calls what', async () => {
    await write('10-net.conflist', list('net', bridge));
    expect(await findings()).toEqual([
      '10-net.conflist net used: the only one that loads; cniVersion 1.0.0; plugins bridge (ipam host-local)',
    ]);
  });

  it('knows what flannel calls where its configuration leaves that out, and what a delegate calls', async () => {
    await write(
      '10-net.conflist',
      list('net', { type: 'flannel' }, { type: 'flannel', delegate: { type: 'bridge' }, ipam: { type: 'dhcp' } }),
    );
    const found = await findings();
    expect(found[0]).toContain(
      'plugins flannel (delegate bridge, delegate.ipam host-local), flannel (delegate bridge, delegate.ipam dhcp)',
    );
    expect(found).toContain(
      '10-net.conflist net failed: plugins[1].delegate.ipam.type dhcp: no such executable in bin; install dhcp there',
    );
  });

  it('ends when it is told so, and blames no plugin for that', async () => {
    await write('10-net.conflist', list('net', bridge));
    const pluginDirs = [join(directory, 'bin')];
    const ended = AbortSignal.abort(new Error('interrupted'));
    await expect(validateConfiguration(directory, pluginDirs, new CniRunner({ pluginDirs }), ended)).rejects.toThrow('interrupted');
  });

  it('says why each of the others is not', async () => {
    await write('10-net.conflist', list('net', bridge));
    await write('20-other.conflist', list('other', bridge));
    await write('30-again.conflist', list('net', bridge));
    await write('05-single.conf', { cniVersion: '1.0.0', name: 'single', ...bridge });
    await write('01-net.yaml', 'plugins: []');
    expect(await findings()).toEqual([
      '10-net.conflist net used: by name the first .conflist; cniVersion 1.0.0; plugins bridge (ipam host-local)',
      '10-net.conflist net warning: containerd and CRI-O take 05-single.conf: they sort by name alone; make it a .conflist, or rename it',
      '20-other.conflist other not used: 10-net.conflist comes before it',
      '30-again.conflist net not used: 10-net.conflist comes before it, and network net is that of 10-net.conflist for who asks for it by name',
      '05-single.conf single not used: a .conf or .json comes after every .conflist',
      '01-net.yaml  not used: its name ends neither in .conflist, nor in .conf or .json',
    ]);
  });

  it('says what is wrong with plugins: missing, of another version, with capabilities that nobody gives', async () => {
    const portmap = { type: 'portmap', capabilities: { portMappings: true, portMapping: true } };
    await write('10-net.conflist', { ...list('net', bridge, portmap), cniVersions: ['1.1.0'] });
    expect((await findings()).slice(1)).toEqual([
      '10-net.conflist net failed: plugins[0].ipam.type host-local: answers cniVersion 0.4.0, 1.0.0, and not 1.1.0',
      '10-net.conflist net failed: plugins[1].type portmap: no such executable in bin; install portmap there',
      expect.stringMatching(/^10-net.conflist net warning: plugins\[1\].capabilities.portMapping of portmap is none that runtimes know/),
    ]);
  });

  it('names the key of a broken file, and fails where there is nothing', async () => {
    await write('10-net.conflist', list('net', { mtu: 1400 }));
    await write('20-half.conf', '{"name": "net",');
    expect(await findings()).toEqual([
      'DIR  failed: no file here gives a network; mend one of those below',
      '10-net.conflist  failed: plugins[0].type is missing',
      expect.stringMatching(/^20-half.conf {2}failed: is not JSON: .*position 15 \(line 1 column 16\)$/),
    ]);
  });

  it('says of a directory that is not there that it is not', async () => {
    await rm(directory, { recursive: true });
    expect(await findings()).toEqual(['DIR  failed: there is no such directory; make it, and put a .conflist there']);
    await mkdir(directory);
    expect(passedOver(join(directory, 'none'), directory).found).toBe(
      `the node's directory is not there: ${directory} is looked at instead`,
    );
    expect(passedOver(directory, '/etc/cni/net.d').found).toMatch(/^no file of the node has a name/);
  });
});
