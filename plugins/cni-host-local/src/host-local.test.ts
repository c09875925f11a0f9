import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { run } from '@berth/sdk/cni/plugin';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { plugin } from './host-local.ts';
import { withLock } from './lock.ts';

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
const stored = () =>
  readdirSync(join(dataDir, 'net'))
    .filter((name) => name !== '.index')
    .sort();
const small = { ranges: [[{ subnet: '10.1.0.0/29' }]] };
const wide = { ranges: [[{ subnet: '10.1.0.0/24' }]] };

/** As many as make an index worth its while. */
const others = 16;

async function reserveForOthers(): Promise<void> {
  const directory = join(dataDir, 'net');
  await mkdir(directory, { recursive: true });
  for (let index = 0; index < others; index++) writeFileSync(join(directory, `10.1.0.${100 + index}`), `other-${index}\r\neth0`);
}

describe('ADD', () => {
  it('gives the address, its gateway and the routes', async () => {
    const routes = [{ dst: '0.0.0.0/0' }, { dst: '192.168.0.0/16', gw: '10.1.0.6' }];
    expect(await call({ ...small, routes })).toMatchObject({
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
      msg: expect.stringContaining('range set 1 (10.1.0.1-10.1.0.2): has no free address left; remove containers or widen the range'),
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
    expect((await call({ ...small, resolvConf: '/nonexistent' }, { id: 'c2' })).msg).toMatch(
      /^ipam\.resolvConf \/nonexistent: can't be read: ENOENT.*; name a file in the form of resolv\.conf\(5\), or leave the key out$/,
    );
  });

  it.each([
    [{}, 'ipam.ranges: is missing; name at least one subnet'],
    [{ ranges: {} }, 'ipam.ranges: must be a list, and is {}'],
    [{ ranges: [[]] }, 'ipam.ranges[0]: must be a list of at least one range'],
    [{ ranges: [{ subnet: '10.1.0.0/24' }] }, 'ipam.ranges[0]: must be a list of at least one range; write [[{'],
    [{ ranges: [[{ subnet: '10.1.0.0/24', rangeStart: 5 }]] }, 'ipam.ranges[0][0].rangeStart: must be an IP address, and is 5'],
    [{ subnet: ['10.1.0.0/24'] }, 'ipam.subnet: must be a prefix like 10.1.0.0/16, and is ["10.1.0.0/24"]'],
    [{ ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: '10.1.0.0/16' }]] }, 'range set 1 overlaps with range set 0'],
    [{ ...small, routes: {} }, 'ipam.routes: must be a list'],
    [{ ...small, routes: [{}] }, 'ipam.routes[0].dst: is missing'],
    [{ ...small, routes: [{ dst: 'default' }] }, 'ipam.routes[0].dst: must be a prefix like 0.0.0.0/0, and is "default"'],
    [{ ...small, routes: [{ dst: '0.0.0.0/0', gw: 'x' }] }, 'ipam.routes[0].gw: must be an IP address, and is "x"'],
    [{ ...small, routes: [{ dst: '0.0.0.0/0', mtu: '1400' }] }, 'ipam.routes[0].mtu: must be a whole number'],
    [{ ...small, dataDir: 7 }, 'ipam.dataDir: must be a string, and is 7'],
    [{ ...small, resolvConf: {} }, 'ipam.resolvConf: must be a string, and is {}'],
  ])('refuses %j with code 7', async (ipam, message) => {
    expect(await call(ipam)).toMatchObject({ code: 7, msg: expect.stringContaining(message) });
    expect(existsSync(join(dataDir, 'net'))).toBe(false);
  });

  it.each([
    [{ runtimeConfig: 1 }, 'runtimeConfig: must be an object, and is 1'],
    [{ runtimeConfig: { ipRanges: {} } }, 'runtimeConfig.ipRanges: must be a list'],
    [{ runtimeConfig: { ipRanges: [[{ subnet: '10.1.0.0/24' }]] } }, 'range set 1 overlaps with range set 0'],
    [{ runtimeConfig: { ips: '10.1.0.5' } }, 'runtimeConfig.ips: must be a list'],
    [{ runtimeConfig: { ips: ['10.1.0'] } }, 'runtimeConfig.ips[0]: must be an IP address, and is "10.1.0"'],
    [{ args: { cni: { ips: [5] } } }, 'args.cni.ips[0]: must be a string, and is 5'],
    [{ args: { cni: 'x' } }, 'args.cni: must be an object, and is "x"'],
    [{ ipam: 'host-local' }, 'ipam: must be an object, and is "host-local"'],
    [{ ipam: null }, 'ipam: is missing'],
    [{ name: '../other' }, 'network name: is "../other"'],
    [{ name: 'a/b' }, 'network name: is "a/b"'],
    [{ name: '..' }, 'network name: is ".."'],
  ])('refuses %j with code 7 and touches no file', async (rest, message) => {
    for (const verb of ['ADD', 'DEL', 'GC', 'CHECK', 'STATUS']) {
      const answer = await call(small, { verb, rest: { cniVersion: '1.1.0', 'cni.dev/valid-attachments': [], ...rest } });
      // What releases addresses doesn't ask for them.
      if (answer.code === undefined && ['DEL', 'GC'].includes(verb)) continue;
      expect(answer).toMatchObject({ code: 7, msg: expect.stringContaining(message) });
    }
    expect(readdirSync(dataDir)).toEqual([]);
  });

  it('passes on every field of a route', async () => {
    const routes = [{ dst: '0.0.0.0/0', gw: '10.1.0.6', mtu: 1400, advmss: 1360, priority: 5, table: 100, scope: 253 }];
    expect((await call({ ...small, routes }, { rest: { cniVersion: '1.1.0' } })).routes).toEqual(routes);
  });

  it('gives one address of each family to a result that has room for no more', async () => {
    const rest = { cniVersion: '0.2.0' };
    const two = { ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: '10.2.0.0/24' }]] };
    expect(await call(two, { rest })).toMatchObject({ code: 7, msg: expect.stringContaining('several range sets of IPv4') });
    const both = { ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00::/64' }]] };
    expect(await call(both, { rest })).toMatchObject({ ip4: { ip: '10.1.0.2/24' }, ip6: { ip: 'fd00::2/64' } });
  });

  it('uses up the ranges of a set one after the other', async () => {
    const ranges = [[{ subnet: '10.1.0.0/30' }, { subnet: '10.2.0.0/30', gateway: '10.9.0.1' }]];
    expect(await addresses({ ranges }, { id: 'c1' })).toEqual(['10.1.0.2/30']);
    expect(await addresses({ ranges }, { id: 'c2' })).toEqual(['10.2.0.1/30']);
    expect(await addresses({ ranges }, { id: 'c3' })).toEqual(['10.2.0.2/30']);
    expect(await addresses({ ranges }, { id: 'c4' })).toContain('has no free address left');
  });

  it('gives an address once, whatever the file of it says', async () => {
    await call(small);
    for (const [address, text] of Object.entries({ '10.1.0.3': '', '10.1.0.4': 'a note', '10.1.0.5': 'a\r\nb\r\nc' })) {
      writeFileSync(join(dataDir, 'net', address), text);
    }
    expect(await addresses(small, { id: 'c2' })).toEqual(['10.1.0.6/29']);
  });

  it('gives no address whose file is a symbolic link to nothing', async () => {
    await call(small);
    symlinkSync('nothing', join(dataDir, 'net/10.1.0.3'));
    expect(await addresses(small, { id: 'c2' })).toEqual(['10.1.0.4/29']);
  });

  it('gives calls of one process that go on at once an address each', async () => {
    const ids = Array.from({ length: 5 }, (_, index) => `c${index}`);
    const given = await Promise.all(ids.map((id) => addresses(small, { id })));
    expect(given.flat().sort()).toEqual(['10.1.0.2/29', '10.1.0.3/29', '10.1.0.4/29', '10.1.0.5/29', '10.1.0.6/29']);
  });

  it('names the lock that another process holds', async ({ onTestFinished }) => {
    await call(small);
    const file = join(dataDir, 'net/lock');
    const holder = spawn('flock', [file, 'sh', '-c', 'echo held; read line'], { stdio: ['pipe', 'pipe', 'inherit'] });
    onTestFinished(() => void holder.kill());
    await once(holder.stdout, 'data');
    await expect(withLock(file, () => undefined, 50)).rejects.toMatchObject({
      cniCode: 11,
      message: `lock ${file}: is held by another process for more than 0.05 s; \`fuser ${file}\` tells which`,
    });
    holder.stdin.end();
    expect(await addresses(small, { id: 'c2' })).toEqual(['10.1.0.3/29']);
  });

  it('refuses a store of a newer version of this plugin', async () => {
    await call(small);
    writeFileSync(join(dataDir, 'net/.index'), 'berth-host-local 2 something else\n');
    const rest = { cniVersion: '1.1.0', 'cni.dev/valid-attachments': [] };
    for (const verb of ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS']) {
      expect(await call(small, { id: 'c2', verb, rest })).toMatchObject({
        code: 6,
        msg: expect.stringMatching(/net: was written by a newer version of host-local \(format 2, not 1\); update this plugin$/),
      });
    }
    expect(stored()).toEqual(['10.1.0.2', 'last_reserved_ip.0', 'lock']);
  });
});

describe('DEL', () => {
  it('frees what the attachment holds, and no other', async () => {
    await call(small);
    await call(small, { id: 'c2' });
    expect(await call(small, { verb: 'DEL' })).toEqual({});
    expect(stored()).toEqual(['10.1.0.3', 'last_reserved_ip.0', 'lock']);
  });

  it('leaves nothing of the index where few addresses are left', async () => {
    await reserveForOthers();
    expect(await addresses(wide)).toEqual(['10.1.0.2/24']);
    expect(readdirSync(join(dataDir, 'net'))).toContain('.index');
    await call(wide, { verb: 'DEL' });
    await call(wide, { verb: 'DEL', id: 'other-0' });
    expect(readdirSync(join(dataDir, 'net'))).not.toContain('.index');
    for (let index = 1; index < others; index++) await call(wide, { verb: 'DEL', id: `other-${index}` });
    expect(readdirSync(join(dataDir, 'net')).sort()).toEqual(['last_reserved_ip.0', 'lock']);
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

describe('after a crash', () => {
  it('frees the address of a container whose id is longer than any block that is read', async () => {
    const id = 'a'.repeat(9000);
    expect(await addresses(small, { id })).toEqual(['10.1.0.2/29']);
    expect(await call(small, { id, verb: 'CHECK' })).toEqual({});
    const inUse = { cniVersion: '1.1.0', 'cni.dev/valid-attachments': [{ containerID: id, ifname: 'eth0' }] };
    await call(small, { verb: 'GC', rest: inUse });
    expect(stored()).toContain('10.1.0.2');
    await call(small, { id, verb: 'DEL' });
    expect(stored()).not.toContain('10.1.0.2');
  });

  it('DEL removes what an ADD had begun to write', async () => {
    await call(small, { id: 'c2' });
    writeFileSync(join(dataDir, 'net/.draft'), 'c1\r\neth0');
    await call(small, { verb: 'DEL' });
    expect(stored()).toEqual(['10.1.0.2', 'last_reserved_ip.0', 'lock']);
  });

  it('DEL finds an address that the index had not been told of', async () => {
    await reserveForOthers();
    await call(wide, { id: 'c2' });
    const index = readFileSync(join(dataDir, 'net/.index'));
    await call(wide);
    expect(stored()).toContain('10.1.0.3');
    writeFileSync(join(dataDir, 'net/.index'), index);
    await call(wide, { verb: 'DEL' });
    expect(stored()).toContain('10.1.0.2');
    expect(stored()).not.toContain('10.1.0.3');
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

  it('compares with the result of ADD', async () => {
    await call(small);
    const prevResult = (...ips: string[]) => ({ prevResult: { cniVersion: '1.0.0', ips: ips.map((address) => ({ address })) } });
    expect(await call(small, { verb: 'CHECK', rest: prevResult('10.1.0.2/29', '172.16.0.1/12') })).toEqual({});
    expect(await call(small, { verb: 'CHECK', rest: prevResult('10.1.0.3/29') })).toMatchObject({
      code: 999,
      msg: expect.stringContaining('holds 10.1.0.2, and not 10.1.0.3 of prevResult'),
    });
  });
});

describe('GC', () => {
  const gc = (...ids: string[]) => {
    const attachments = ids.map((containerID) => ({ containerID, ifname: 'eth0' }));
    return call(small, { verb: 'GC', rest: { cniVersion: '1.1.0', 'cni.dev/valid-attachments': attachments } });
  };

  it('releases all addresses of this network but those of the attachments that are in use', async () => {
    for (const id of ['c1', 'c2', 'c3']) await call(small, { id });
    await call(small, { id: 'c9', rest: { name: 'other' } });
    expect(await gc('c2')).toEqual({});
    expect(stored()).toEqual(['10.1.0.3', 'last_reserved_ip.0', 'lock']);
    expect(readdirSync(join(dataDir, 'other'))).toContain('10.1.0.2');
    expect(await call(small, { verb: 'CHECK', id: 'c2' })).toEqual({});
  });

  it('releases what a crash left, keeps an old reservation of a container that lives, and what it cannot read', async () => {
    await call(small);
    const files = {
      '10.1.0.3': '',
      '10.1.0.4': 'c1',
      '10.1.0.5': 'gone',
      '10.1.0.6': 'c1\r\neth0\r\nsince=2031',
      '.draft': 'c1\r\neth0',
      notes: 'c9',
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dataDir, 'net', name), text);
    await gc('c1');
    expect(stored()).toEqual(['10.1.0.2', '10.1.0.4', '10.1.0.6', 'last_reserved_ip.0', 'lock', 'notes']);
  });

  it('makes no store', async () => {
    expect(await gc()).toEqual({});
    expect(readdirSync(dataDir)).toEqual([]);
  });
});

describe('STATUS', () => {
  const status = (ipam: object, rest: object = {}) => call(ipam, { verb: 'STATUS', rest: { cniVersion: '1.1.0', ...rest } });

  it('succeeds while there is an address, with and without the name of a network, and makes no store', async () => {
    expect(await status(small)).toEqual({});
    expect(await status(small, { name: undefined })).toEqual({});
    expect(readdirSync(dataDir)).toEqual([]);
  });

  it('is 50 where a range set has none left', async () => {
    const ranges = [[{ subnet: 'fd00::/64' }], [{ subnet: '10.1.0.0/30' }]];
    await call({ ranges });
    expect(await status({ ranges })).toMatchObject({
      code: 50,
      msg: expect.stringContaining('range set 1 (10.1.0.1-10.1.0.2): has no free'),
    });
    await call({ ranges }, { verb: 'DEL' });
    expect(await status({ ranges })).toEqual({});
  });

  it('is 50 where the store can be in no directory', async () => {
    const file = join(dataDir, 'file');
    writeFileSync(file, '');
    expect(await status({ ...small, dataDir: file })).toMatchObject({ code: 50, msg: expect.stringContaining(`${file} is no directory`) });
  });

  it('is 50 where the store cannot be made, and ADD fails and says what to do', async () => {
    const nowhere = { ...small, dataDir: '/proc/x' };
    expect(await status(nowhere)).toMatchObject({
      code: 50,
      msg: expect.stringMatching(/^address store \/proc\/x\/net: can't be written: ENOENT.*; set ipam\.dataDir to a directory that can$/),
    });
    expect(await call(nowhere)).toMatchObject({
      code: 5,
      msg: expect.stringMatching(/^address store \/proc\/x\/net: ENOENT.*, or set ipam\.dataDir to another directory$/),
    });
  });

  it.skipIf(process.getuid?.() !== 0).each([
    ['can only be read', () => execFileSync('mount', ['-o', 'remount,ro', dataDir]), /can't be written: EROFS/],
    ['has no room for a file', fill, /can't be written: no space is left/],
  ])('is 50 where a store is there and its file system %s (needs root)', async (_, harm, message) => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'nr_inodes=20', 'tmpfs', dataDir]);
    try {
      await call(small);
      expect(await status(small)).toEqual({});
      harm();
      expect(await status(small)).toMatchObject({ code: 50, msg: expect.stringMatching(message) });
    } finally {
      execFileSync('umount', [dataDir]);
    }
  });

  function fill(): void {
    expect(() => {
      for (let count = 0; count < 20; count++) writeFileSync(join(dataDir, `file-${count}`), '');
    }).toThrow('ENOSPC');
  }
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
    expect({ dns: {}, ...ours }).toEqual({ ...theirs, ips: [{ address: '10.1.0.3/29', gateway: '10.1.0.1' }] });
  });

  it('16 ADDs at once, half of each, give 16 addresses, and DELs by the other leave none', async () => {
    const ipam = { ranges: [[{ subnet: '10.1.0.0/26' }]] };
    const ids = Array.from({ length: 16 }, (_, index) => `c${index}`);
    const results = await Promise.all(ids.map((id, index) => start(index % 2 ? 'ours' : 'reference', ipam, { id })));
    expect(new Set(results.map(({ ips }) => ips[0].address)).size).toBe(16);
    await Promise.all(ids.map((id, index) => start(index % 2 ? 'reference' : 'ours', ipam, { verb: 'DEL', id })));
    expect(stored()).toEqual(['last_reserved_ip.0', 'lock']);
  });

  it('ours sees what the reference has changed since', async () => {
    await start('ours', small, { id: 'c1' });
    await start('reference', small, { id: 'c2' });
    expect((await call(small, { id: 'c2' })).msg).toContain('holds 10.1.0.3 already');
    await start('reference', small, { verb: 'DEL', id: 'c1' });
    expect((await call(small, { verb: 'CHECK', id: 'c1' })).msg).toContain('has no address reserved');
    expect(await call(small, { verb: 'CHECK', id: 'c2' })).toEqual({});
  });
});
