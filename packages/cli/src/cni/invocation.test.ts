import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CniInvocation, containerIdOf } from './invocation.ts';

const notHere = process.platform === 'linux' ? undefined : 'its lock files need flock(2)';

describe.skipIf(notHere)(`CniInvocation${notHere ? ` (${notHere})` : ''}`, () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-invocation-'));
    const program = `#!/bin/sh\necho "$CNI_COMMAND $CNI_IFNAME $CNI_ARGS $(cat)" >> "$0.calls"\n[ $CNI_COMMAND = ADD ] && echo '{"ips":[]}'\nexit 0\n`;
    await writeFile(join(directory, 'note'), program);
    await chmod(join(directory, 'note'), 0o755);
    await configure({ mtu: 1400 });
  });
  afterEach(() => rm(directory, { recursive: true }));

  const file = () => join(directory, '10-net.conflist');
  const configure = (keys: object) =>
    writeFile(
      file(),
      JSON.stringify({ cniVersion: '1.0.0', name: 'net', plugins: [{ type: 'note', capabilities: { ips: true }, ...keys }] }),
    );
  const invocation = (options: { capArgs?: string; cniArgs?: string; ifname?: string; confDir?: string } = {}) =>
    new CniInvocation(
      { timeout: 5000, ...options },
      { confDir: directory, binDirs: ['/nonexistent', directory], cacheDir: join(directory, 'cache') },
    );
  const calls = async () => (await readFile(join(directory, 'note.calls'), 'utf8')).trim().split('\n');

  it('names an attachment as cnitool does, by its interface and the path of its namespace', () => {
    expect(containerIdOf('/var/run/netns/testing')).toBe('cnitool-77383ca0a0715733ca6f');
    const { containerId, netns, ifName } = invocation().attachment('/var/run/netns/../netns/testing');
    expect({ containerId, netns, ifName }).toEqual({
      containerId: 'cnitool-77383ca0a0715733ca6f',
      netns: '/var/run/netns/testing',
      ifName: 'eth0',
    });
  });

  it('tells what ADD was told to DEL, with its configuration, after that has changed', async () => {
    const cni = invocation({ cniArgs: 'A=1;B=x=y', capArgs: '{"ips":["10.1.0.9"],"mac":"02:00:00:00:00:01"}', ifname: 'net1' });
    await cni.runner.add(await cni.network('net'), cni.attachment('/run/netns/absent'));
    await rm(file());
    const later = invocation({ ifname: 'net1', confDir: '' });
    const { list, attachment } = await later.attached('net', '/run/netns/absent');
    await later.runner.del(list, attachment);
    const [add = '', del = ''] = await calls();
    expect(add).toMatch(/^ADD net1 A=1;B=x=y /);
    expect(del).toMatch(/^DEL net1 A=1;B=x=y /);
    const { prevResult, ...told } = JSON.parse(del.slice(del.indexOf('{')));
    expect(told).toEqual(JSON.parse(add.slice(add.indexOf('{'))));
    expect(told).toMatchObject({ mtu: 1400, runtimeConfig: { ips: ['10.1.0.9'] } });
    expect(prevResult).toEqual({ cniVersion: '1.0.0', ips: [] });
  });

  it('takes what is configured where ADD kept nothing, and says so where neither is there', async () => {
    expect((await invocation().attached('net', '/run/netns/absent')).list.file).toBe(file());
    await expect(invocation().attached('other', '/run/netns/absent')).rejects.toThrow(
      `${directory}: no usable CNI network named other; ${file()}: is network net; put a .conflist there`,
    );
  });

  it('finds the kept attachments of namespaces that are there', async () => {
    const cni = invocation();
    const own = '/proc/self/ns/net';
    for (const netns of [own, '/run/netns/absent']) await cni.runner.add(await cni.network('net'), cni.attachment(netns));
    expect(await cni.livingAttachments('net')).toMatchObject([{ containerId: containerIdOf(own), ifName: 'eth0' }]);
    expect(await cni.livingAttachments('other')).toEqual([]);
  });

  it.each([
    [{ cniArgs: 'A' }, 'CNI_ARGS: "A" is no pair; write KEY=VALUE;KEY=VALUE'],
    [{ capArgs: '[]' }, `CAP_ARGS: is no JSON object; write '{"portMappings": [...]}'`],
  ])('refuses %j', (options, message) => {
    expect(() => invocation(options).attachment('/run/netns/absent')).toThrow(message);
  });
});
