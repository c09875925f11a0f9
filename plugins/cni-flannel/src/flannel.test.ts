import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PluginIo } from '@berth/sdk/cni/plugin';
import { run } from '@berth/sdk/cni/plugin';
import { CniError } from '@berth/sdk/cni/types';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { plugin } from './flannel.ts';

const subnetEnv = `FLANNEL_NETWORK=10.244.0.0/16
FLANNEL_SUBNET=10.244.1.1/24
FLANNEL_MTU=1450
FLANNEL_IPMASQ=true
`;
const dualStack = `# flannel
FLANNEL_NETWORK=10.244.0.0/16,10.245.0.0/16,10.244.0.0/16
FLANNEL_SUBNET=10.244.1.1/24
FLANNEL_IPV6_NETWORK=fd00:10:244::/56
FLANNEL_IPV6_SUBNET=fd00:10:244:1::1/64
FLANNEL_MTU=1430
FLANNEL_IPMASQ=false
`;
const result = { cniVersion: '1.1.0', ips: [{ address: '10.244.1.2/24' }] };
/** As the reference plugin writes it. */
const scratch =
  '{"cniVersion":"1.1.0","ipMasq":false,"ipam":{"ranges":[[{"subnet":"10.244.1.0/24"}]],"routes":[{"dst":"10.244.0.0/16"}],"type":"host-local"},' +
  '"isGateway":true,"mtu":1450,"name":"cbr0","type":"bridge"}';

let directory: string;
let calls: { type: string; verb: string; config: Record<string, unknown> }[];
let failing: Record<string, CniError>;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-flannel-'));
  [calls, failing] = [[], {}];
  await writeFile(join(directory, 'subnet.env'), subnetEnv);
});
afterEach(() => rm(directory, { recursive: true }));

const dataDir = () => join(directory, 'data');
const kept = (id = 'c1') => readFile(join(dataDir(), id), 'utf8');
const keep = async (id: string, text: string) => {
  await mkdir(dataDir(), { recursive: true });
  await writeFile(join(dataDir(), id), text);
};

/** Stands for the delegated plugin. */
const delegate: PluginIo['delegate'] = async ({ type, verb, stdin }) => {
  calls.push({ type, verb, config: JSON.parse(stdin) });
  if (failing[verb]) throw failing[verb];
  return result;
};

async function call(verb: string, keys: object = {}, env: Record<string, string> = {}) {
  const out: string[] = [];
  const files = { subnetFile: join(directory, 'subnet.env'), dataDir: dataDir() };
  await run(plugin, {
    env: { CNI_COMMAND: verb, CNI_CONTAINERID: 'c1', CNI_NETNS: '/x', CNI_IFNAME: 'eth0', CNI_PATH: '/x', ...env },
    readStdin: () => JSON.stringify({ cniVersion: '1.1.0', name: 'cbr0', type: 'flannel', ...files, ...keys }),
    writeStdout: (text) => out.push(text),
    delegate,
  });
  return JSON.parse(out.join('') || '{}');
}

describe('ADD', () => {
  it('delegates to bridge with host-local, keeps what it did, and gives the result', async () => {
    expect(await call('ADD')).toMatchObject(result);
    expect(calls).toEqual([{ type: 'bridge', verb: 'ADD', config: JSON.parse(scratch) }]);
    expect(await kept()).toBe(scratch);
    expect(await readdir(dataDir())).toEqual(['c1']);
  });

  it('has ranges and routes of both families, and masquerades where flanneld does not', async () => {
    await writeFile(join(directory, 'subnet.env'), dualStack);
    await call('ADD', { ipam: { routes: [{ dst: '0.0.0.0/0' }], dataDir: '/d' } });
    expect(calls[0]?.config).toMatchObject({
      ipMasq: true,
      mtu: 1430,
      ipam: {
        type: 'host-local',
        dataDir: '/d',
        ranges: [[{ subnet: '10.244.1.0/24' }], [{ subnet: 'fd00:10:244:1::/64' }]],
        routes: [{ dst: '0.0.0.0/0' }, { dst: '10.244.0.0/16' }, { dst: '10.245.0.0/16' }, { dst: 'fd00:10:244::/56' }],
      },
    });
  });

  it('leaves to the user what delegate says, and passes on what the runtime says', async () => {
    await call('ADD', {
      delegate: { type: 'ipvlan', master: 'eth1', ipMasq: true, mtu: 9000, hairpinMode: true },
      ipam: { type: 'static' },
      runtimeConfig: { mac: '02:00:00:00:00:01' },
      dns: { nameservers: ['192.0.2.53'] },
    });
    expect(calls[0]).toMatchObject({ type: 'ipvlan', config: { master: 'eth1', ipMasq: true, mtu: 9000, hairpinMode: true } });
    expect(calls[0]?.config).toMatchObject({
      ipam: { type: 'static' },
      runtimeConfig: { mac: '02:00:00:00:00:01' },
      dns: { nameservers: ['192.0.2.53'] },
    });
    expect(calls[0]?.config).not.toHaveProperty('isGateway');
  });

  it('is told to try again later while flanneld has not written its file', async () => {
    await rm(join(directory, 'subnet.env'));
    expect(await call('ADD')).toMatchObject({
      code: 11,
      msg: `subnet file ${join(directory, 'subnet.env')}: isn't there: flanneld isn't ready; wait until flanneld runs on this host, or set subnetFile to where it writes the file`,
    });
    expect(calls).toEqual([]);
    await expect(kept()).rejects.toThrow('ENOENT');
  });

  it.each([
    ['FLANNEL_NETWORK=10.244.0.0', 'line 5: FLANNEL_NETWORK must be prefixes of IPv4, like 10.244.1.0/24, and is "10.244.0.0"'],
    ['FLANNEL_IPV6_SUBNET=10.244.1.1/24', 'line 5: FLANNEL_IPV6_SUBNET must be a prefix of IPv6'],
    ['FLANNEL_MTU', 'line 5: FLANNEL_MTU must be a number of bytes, and is ""'],
    ['FLANNEL_IPMASQ=yes', 'line 5: FLANNEL_IPMASQ must be true or false, and is "yes"'],
  ])('names a line that is broken: %s', async (line, msg) => {
    await writeFile(join(directory, 'subnet.env'), `${subnetEnv}${line}\n`);
    expect(await call('ADD')).toMatchObject({ code: 6, msg: expect.stringContaining(msg) });
  });

  it.each(['FLANNEL_NETWORK', 'FLANNEL_SUBNET', 'FLANNEL_MTU', 'FLANNEL_IPMASQ'])('names what the file lacks: %s', async (name) => {
    const lines = subnetEnv.split('\n').filter((line) => !line.startsWith(name));
    await writeFile(join(directory, 'subnet.env'), lines.join('\n'));
    expect(await call('ADD')).toMatchObject({ code: 6, msg: expect.stringContaining(`lacks ${name}`) });
  });

  it('that fails undoes what was delegated, keeps nothing, and tells why', async () => {
    failing.ADD = new CniError(11, 'no address is free');
    expect(await call('ADD')).toMatchObject({ code: 11, msg: 'no address is free' });
    expect(calls.map(({ verb }) => verb)).toEqual(['ADD', 'DEL']);
    expect(await readdir(dataDir())).toEqual([]);
  });

  it('of another interface that fails leaves what the first was connected with, also when its DEL follows', async () => {
    await call('ADD');
    failing.ADD = new CniError(11, 'no address is free');
    await call('ADD', { name: 'second' });
    expect(await kept()).toBe(scratch);
    await call('DEL', { name: 'second' });
    expect(await kept()).toBe(scratch);
    await call('DEL');
    expect(calls.at(-1)).toEqual({ type: 'bridge', verb: 'DEL', config: JSON.parse(scratch) });
    expect(await readdir(dataDir())).toEqual([]);
  });

  it.each([5, 11, 50, 100, 999])('that fails and can not be undone, by code %i, keeps what DEL will need', async (code) => {
    failing = { ADD: new CniError(5, 'no'), DEL: new CniError(code, 'no') };
    await call('ADD');
    expect(await kept()).toBe(scratch);
  });

  it('that the delegated plugin refuses, as it refuses the DEL after it, keeps nothing: a correct one and DEL succeed after it', async () => {
    const refusal = new CniError(7, 'hairpinMode: must be true or false');
    failing = { ADD: refusal, DEL: refusal };
    expect(await call('ADD', { delegate: { hairpinMode: 'yes' } })).toMatchObject({ code: 7, msg: refusal.message });
    expect(await readdir(dataDir())).toEqual([]);
    expect(await call('DEL')).toEqual({});
    expect(calls.map(({ verb }) => verb)).toEqual(['ADD', 'DEL']);
  });

  it.skipIf(process.platform !== 'linux')(
    'refuses an interface that is there before it delegates (network namespaces are of Linux)',
    async () => {
      const own = { CNI_NETNS: '/proc/self/ns/net', CNI_NETNS_OVERRIDE: 'true', CNI_IFNAME: 'lo' };
      await keep('c1', scratch);
      expect(await call('ADD', { delegate: { mtu: 1400 } }, own)).toMatchObject({
        msg: 'interface lo in /proc/self/ns/net: exists already; run DEL first',
      });
      expect(calls).toEqual([]);
      expect(await kept()).toBe(scratch);
    },
  );

  it('says that the subnet file is a directory, by its key', async () => {
    expect(await call('ADD', { subnetFile: directory })).toMatchObject({
      code: 7,
      msg: `subnetFile: must be a file, and ${directory} is a directory; name the file that flanneld writes`,
    });
  });

  it.each([
    [{ delegate: [] }, 'delegate: must be an object'],
    [{ delegate: { type: 1 } }, 'delegate.type: must be a string'],
    [{ delegate: { type: '../bridge' } }, 'delegate.type: must be the file name of a plugin'],
    [{ delegate: { type: '..' } }, 'delegate.type: must be the file name of a plugin'],
    [{ delegate: { type: 'flannel' } }, 'delegate.type: must be another plugin'],
    [{ delegate: { name: 'x' } }, 'delegate.name: is set by flannel'],
    [{ delegate: { ipam: {} } }, 'delegate.ipam: is set by flannel; remove it from delegate, and use ipam beside it'],
    [{ ipam: 'host-local' }, 'ipam: must be an object'],
    [{ ipam: { routes: {} } }, 'ipam.routes: must be a list'],
    [{ subnetFile: 1 }, 'subnetFile: must be a string'],
    [{ dataDir: {} }, 'dataDir: must be a string'],
    [{ runtimeConfig: [] }, 'runtimeConfig: must be an object'],
  ])('refuses %j with code 7', async (keys, msg) => {
    expect(await call('ADD', keys)).toMatchObject({ code: 7, msg: expect.stringContaining(msg) });
    expect(calls).toEqual([]);
  });

  it('says that it can not keep what it does', async () => {
    await writeFile(dataDir(), '');
    expect(await call('ADD')).toMatchObject({ code: 5, msg: expect.stringContaining('set dataDir to a directory that can be written') });
    expect(calls).toEqual([]);
  });
});

describe('DEL', () => {
  it('delegates with what the reference plugin or this one has kept, whatever flanneld and the keys say by now', async () => {
    await keep('c1', scratch);
    await rm(join(directory, 'subnet.env'));
    expect(await call('DEL', { delegate: { type: 7 }, prevResult: result })).toEqual({});
    expect(calls).toEqual([{ type: 'bridge', verb: 'DEL', config: { ...JSON.parse(scratch), prevResult: result } }]);
    expect(await readdir(dataDir())).toEqual([]);
  });

  it('succeeds where nothing was kept', async () => {
    expect(await call('DEL')).toEqual({});
    expect(calls).toEqual([]);
  });

  it.each([5, 11, 999])('keeps what it needs until the delegated plugin has succeeded, which fails with code %i', async (code) => {
    await keep('c1', scratch);
    failing.DEL = new CniError(code, 'busy');
    expect(await call('DEL')).toMatchObject({ code, msg: 'busy' });
    expect(await kept()).toBe(scratch);
  });

  it('that the delegated plugin refuses names the file with what it refuses, and what to do', async () => {
    await keep('c1', scratch);
    failing.DEL = new CniError(7, 'mtu: must be a whole number', { details: 'which it is not' });
    expect(await call('DEL')).toEqual({
      cniVersion: '1.1.0',
      code: 7,
      msg:
        `${join(dataDir(), 'c1')}: the delegated plugin refuses to undo what is kept there: mtu: must be a whole number; ` +
        'correct the file, or remove it once nothing of the container is left: DEL succeeds then',
      details: 'which it is not',
    });
    expect(await kept()).toBe(scratch);
  });

  it.each(['', scratch.slice(0, 40), '{}'])('of a file that a crash has left as %j goes by what flanneld says now', async (text) => {
    await keep('c1', text);
    expect(await call('DEL')).toEqual({});
    expect(calls).toEqual([{ type: 'bridge', verb: 'DEL', config: JSON.parse(scratch) }]);
    expect(await readdir(dataDir())).toEqual([]);
  });

  it('of such a file succeeds without flanneld too', async () => {
    await keep('c1', '');
    await rm(join(directory, 'subnet.env'));
    expect(await call('DEL')).toEqual({});
    expect(await readdir(dataDir())).toEqual([]);
  });
});

describe('CHECK', () => {
  it('delegates with what was kept, and the result', async () => {
    await keep('c1', scratch);
    expect(await call('CHECK', { prevResult: result })).toEqual({});
    expect(calls).toEqual([{ type: 'bridge', verb: 'CHECK', config: { ...JSON.parse(scratch), prevResult: result } }]);
  });

  it.each([
    ['is missing', undefined],
    ["can't be read", '{'],
  ])('fails where what was kept %s', async (what, text) => {
    if (text !== undefined) await keep('c1', text);
    expect(await call('CHECK')).toMatchObject({ code: 999, msg: expect.stringContaining(`${dataDir()}/c1: ${what}`) });
  });
});

describe('GC', () => {
  const attachments = { 'cni.dev/valid-attachments': [{ containerID: 'c2', ifname: 'eth0' }] };

  it('delegates with the valid attachments, and forgets the other containers of its network', async () => {
    for (const id of ['c1', 'c2']) await keep(id, scratch);
    await keep('c3', scratch.replace('cbr0', 'other'));
    await keep('c4', 'broken');
    await mkdir(join(dataDir(), 'c5'));
    expect(await call('GC', attachments)).toEqual({});
    expect(calls).toEqual([{ type: 'bridge', verb: 'GC', config: { ...JSON.parse(scratch), ...attachments } }]);
    expect(await readdir(dataDir())).toEqual(['c2', 'c3', 'c4', 'c5']);
  });

  it.each(['missing', 'broken'])('goes by what is kept while the subnet file is %s, once for what is the same', async (state) => {
    const earlier = scratch.replaceAll('10.244.1.0', '10.244.7.0');
    const older = scratch.replace('"cniVersion":"1.1.0"', '"cniVersion":"1.0.0"');
    for (const [id, text] of [['c1', scratch] as const, ['c2', older] as const, ['c3', earlier] as const]) await keep(id, text);
    if (state === 'missing') await rm(join(directory, 'subnet.env'));
    else await writeFile(join(directory, 'subnet.env'), 'FLANNEL_MTU=big\n');
    expect(await call('GC', attachments)).toEqual({});
    expect(calls).toEqual(
      [scratch, earlier].map((text) => ({ type: 'bridge', verb: 'GC', config: { ...JSON.parse(text), ...attachments } })),
    );
    expect(await readdir(dataDir())).toEqual(['c2']);
  });

  it('that the delegated plugin fails forgets nothing', async () => {
    await keep('c1', scratch);
    failing.GC = new CniError(1, 'no GC');
    expect(await call('GC', attachments)).toMatchObject({ code: 1 });
    expect(await kept()).toBe(scratch);
  });
});

describe('STATUS', () => {
  it('is that of the delegated plugin', async () => {
    expect(await call('STATUS')).toEqual({});
    expect(calls).toMatchObject([{ type: 'bridge', verb: 'STATUS' }]);
    failing.STATUS = new CniError(50, 'no bridges here');
    expect(await call('STATUS')).toMatchObject({ code: 50, msg: 'no bridges here' });
  });

  it.each([
    ['missing', undefined, "isn't there: flanneld isn't ready"],
    ['broken', 'FLANNEL_MTU=big\n', 'line 1: FLANNEL_MTU'],
  ])('is 50 while the file is %s', async (_, text, msg) => {
    if (text === undefined) await rm(join(directory, 'subnet.env'));
    else await writeFile(join(directory, 'subnet.env'), text);
    expect(await call('STATUS')).toMatchObject({ code: 50, msg: expect.stringContaining(msg) });
    expect(calls).toEqual([]);
  });
});
