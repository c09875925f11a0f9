import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { run } from '@berth/sdk/cni/plugin';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { plugin } from './host-local.ts';

let dataDir: string;
beforeEach(async ({ skip }) => {
  dataDir = await mkdtemp(join(tmpdir(), 'berth-host-local-'));
  if (!onPath('flock')) skip('flock of util-linux is not on PATH');
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

function onPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => existsSync(join(directory, program)));
}

interface Call {
  verb?: string;
  id?: string;
  args?: string;
  rest?: object;
}

function stdin(ipam: object, rest: object = {}): string {
  return JSON.stringify({ cniVersion: '1.0.0', name: 'net', type: 'bridge', ipam: { type: 'host-local', dataDir, ...ipam }, ...rest });
}

async function call(ipam: object, { verb = 'ADD', id = 'c1', args = '', rest = {} }: Call = {}) {
  const out: string[] = [];
  await run(plugin, {
    env: { CNI_COMMAND: verb, CNI_CONTAINERID: id, CNI_NETNS: '/run/netns/x', CNI_IFNAME: 'eth0', CNI_PATH: '/x', CNI_ARGS: args },
    readStdin: () => stdin(ipam, rest),
    writeStdout: (text) => out.push(text),
  });
  return JSON.parse(out.join('') || '{}');
}

const addresses = async (ipam: object, options: Call = {}) => {
  const { ips, msg } = await call(ipam, options);
  return msg ?? ips.map(({ address }: { address: string }) => address);
};
const stored = () => readdirSync(join(dataDir, 'net')).sort();
const small = { ranges: [[{ subnet: '10.1.0.0/29' }]] };

describe('ADD', () => {
  it('gives the address, its gateway and the routes', async () => {
    const routes = [{ dst: '0.0.0.0/0' }, { dst: '192.168.0.0/16', gw: '10.1.0.6' }];
    expect(await call({ ...small, routes })).toEqual({
      cniVersion: '1.0.0',
      ips: [{ address: '10.1.0.2/29', gateway: '10.1.0.1' }],
      routes,
      dns: {},
    });
  });

  it("writes the reference plugin's files", async () => {
    await call({ ranges: [[{ subnet: '10.1.0.0/29' }], [{ subnet: 'fd00::/64' }]] });
    expect(stored()).toEqual(['10.1.0.2', 'fd00::2', 'last_reserved_ip.0', 'last_reserved_ip.1', 'lock']);
    expect(readFileSync(join(dataDir, 'net/10.1.0.2'), 'latin1')).toBe('c1\r\neth0');
    expect(readFileSync(join(dataDir, 'net/last_reserved_ip.1'), 'latin1')).toBe('fd00::2');
  });

  it('takes a single range at the top level', async () => {
    expect(await addresses({ subnet: '10.1.0.0/24', rangeStart: '10.1.0.20', gateway: '10.1.0.254' })).toEqual(['10.1.0.20/24']);
  });

  it('gives a freed address again only after all others', async () => {
    await call(small);
    await call(small, { verb: 'DEL' });
    expect(await addresses(small)).toEqual(['10.1.0.3/29']);
  });

  it('names the range that has no address left, and keeps nothing of the other sets', async () => {
    const both = { ranges: [[{ subnet: 'fd00::/64' }], [{ subnet: '10.1.0.0/30' }]] };
    await call(both);
    expect(await call(both, { id: 'c2' })).toMatchObject({
      code: 999,
      msg: 'range set 1 (10.1.0.1-10.1.0.2): has no free address left; remove containers or widen the range',
    });
    expect(stored()).not.toContain('fd00::3');
  });

  it('refuses a second ADD of one attachment', async () => {
    await call(small);
    expect((await call(small)).msg).toBe('container c1, interface eth0: holds 10.1.0.2 already; run DEL before another ADD');
  });

  it.each([
    ['CNI_ARGS', { args: 'IgnoreUnknown=1;IP=10.1.0.5' }],
    ['args', { rest: { args: { cni: { ips: ['10.1.0.5'] } } } }],
    ['the capability ips', { rest: { runtimeConfig: { ips: ['10.1.0.5/29'] } } }],
  ])('gives the address that %s asks for', async (_, options) => {
    expect(await addresses(small, options)).toEqual(['10.1.0.5/29']);
  });

  it('refuses a requested address that is taken, the gateway, outside, or one too many', async () => {
    await call(small);
    expect(await addresses(small, { id: 'c2', args: 'IP=10.1.0.2' })).toContain('10.1.0.2: is taken');
    expect(await addresses(small, { id: 'c2', args: 'IP=10.1.0.1' })).toContain("is the subnet's gateway");
    expect(await addresses(small, { id: 'c2', args: 'IP=10.9.0.1' })).toContain('is in no range');
    expect(await addresses(small, { id: 'c2', rest: { runtimeConfig: { ips: ['10.1.0.4', '10.1.0.5'] } } })).toContain('one too many');
    expect(stored()).toEqual(['10.1.0.2', 'last_reserved_ip.0', 'lock']);
  });

  it('puts the ranges of the runtime first', async () => {
    const rest = { runtimeConfig: { ipRanges: [[{ subnet: '10.7.0.0/24' }]] } };
    expect(await addresses(small, { rest })).toEqual(['10.7.0.2/24', '10.1.0.2/29']);
  });

  it('reads name servers from resolvConf', async () => {
    const resolvConf = join(dataDir, 'resolv.conf');
    writeFileSync(resolvConf, '# local\nnameserver 10.1.0.10\nsearch a.example b.example\noptions ndots:5\n');
    expect((await call({ ...small, resolvConf })).dns).toEqual({
      nameservers: ['10.1.0.10'],
      search: ['a.example', 'b.example'],
      options: ['ndots:5'],
    });
    expect((await call({ ...small, resolvConf: '/nonexistent' }, { id: 'c2' })).msg).toContain('ipam.resolvConf /nonexistent');
  });

  it.each([
    [{}, 'ipam.ranges: is missing; name at least one subnet'],
    [{ ranges: {} }, 'ipam.ranges: must be a list'],
    [{ ranges: [[]] }, 'ipam.ranges[0]: must be a list of ranges with at least one'],
    [{ ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: '10.1.0.0/16' }]] }, 'range set 1 overlaps with range set 0'],
    [{ ...small, routes: [{ dst: 'default' }] }, 'ipam.routes[0].dst: "default" is no prefix'],
    [{ ...small, dataDir: 7 }, 'ipam.dataDir: must be a string'],
  ])('refuses %j with code 7', async (ipam, message) => {
    expect(await call(ipam)).toMatchObject({ code: 7, msg: expect.stringContaining(message) });
  });
});

describe('DEL', () => {
  it('frees what the attachment holds, and no other', async () => {
    await call(small);
    await call(small, { id: 'c2' });
    expect(await call(small, { verb: 'DEL' })).toEqual({});
    expect(stored()).toEqual(['10.1.0.3', 'last_reserved_ip.0', 'lock']);
  });

  it('succeeds again, and before any ADD, and makes no store', async () => {
    expect(await call(small, { verb: 'DEL' })).toEqual({});
    expect(existsSync(join(dataDir, 'net'))).toBe(false);
  });

  it('frees an address that an old reference plugin reserved without an interface', async () => {
    await call(small);
    writeFileSync(join(dataDir, 'net/10.1.0.4'), 'old');
    await call(small, { verb: 'DEL', id: 'old' });
    expect(stored()).not.toContain('10.1.0.4');
  });
});

describe('CHECK', () => {
  it('succeeds only while an address is held', async () => {
    await call(small);
    expect(await call(small, { verb: 'CHECK' })).toEqual({});
    expect(await call(small, { verb: 'CHECK', id: 'c2' })).toMatchObject({
      code: 999,
      msg: expect.stringContaining('has no address reserved'),
    });
  });
});

const reference = [
  ...(process.env.CNI_REFERENCE_PATH ?? '').split(delimiter),
  '/usr/lib/cni',
  '/opt/cni/bin',
  join(import.meta.dirname, '../../../.cache/debian/usr/lib/cni'),
]
  .filter((directory) => directory !== '')
  .map((directory) => join(directory, 'host-local'))
  .find(existsSync);

describe('together with the reference plugin on one store', () => {
  beforeEach(({ skip }) => {
    if (!reference) skip('no reference host-local in CNI_REFERENCE_PATH, /usr/lib/cni, /opt/cni/bin or .cache/debian');
  });

  const processes = {
    reference: { file: reference ?? '', parameters: [] as string[] },
    ours: { file: process.execPath, parameters: ['--conditions=berth-source', join(import.meta.dirname, 'main.ts')] },
  };

  async function start(which: keyof typeof processes, ipam: object, { verb = 'ADD', id = 'c1' }: Call = {}) {
    const { file, parameters } = processes[which];
    const env = { ...process.env, CNI_COMMAND: verb, CNI_CONTAINERID: id, CNI_NETNS: '/run/netns/x', CNI_IFNAME: 'eth0', CNI_PATH: '/x' };
    const running = promisify(execFile)(file, parameters, { env });
    running.child.stdin?.end(stdin(ipam));
    const { stdout } = await running;
    return JSON.parse(stdout || '{}');
  }

  it.each([
    ['ours', 'reference'],
    ['reference', 'ours'],
  ] as const)('what %s adds, %s deletes', async (adder, deleter) => {
    await start(adder, small);
    expect(stored()).toContain('10.1.0.2');
    await start(deleter, small, { verb: 'DEL' });
    expect(stored()).toEqual(['last_reserved_ip.0', 'lock']);
  });

  it('both give the same result and go on from the same address', async () => {
    const ipam = { ...small, routes: [{ dst: '0.0.0.0/0' }] };
    const theirs = await start('reference', ipam, { id: 'c1' });
    const ours = await start('ours', ipam, { id: 'c2' });
    expect(theirs.ips).toEqual([{ address: '10.1.0.2/29', gateway: '10.1.0.1' }]);
    expect(ours).toEqual({ ...theirs, ips: [{ address: '10.1.0.3/29', gateway: '10.1.0.1' }] });
  });

  it('40 ADDs at once, half of each, give 40 addresses', async () => {
    const ipam = { ranges: [[{ subnet: '10.1.0.0/26' }]] };
    const ids = Array.from({ length: 40 }, (_, index) => `c${index}`);
    const results = await Promise.all(ids.map((id, index) => start(index % 2 ? 'ours' : 'reference', ipam, { id })));
    expect(new Set(results.map(({ ips }) => ips[0].address)).size).toBe(40);
  });
});
