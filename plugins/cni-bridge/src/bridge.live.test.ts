import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

// Two network namespaces stand for a host and a container, so that bridges, rules and sysctls of the real host stay as they are.
const hostNetns = `berthtest-host-${process.pid}`;
const container = `berthtest-pod-${process.pid}`;
const netns = `/run/netns/${container}`;
const plugins = join(import.meta.dirname, '../..');
const referenceDirectory = [
  ...(process.env.CNI_REFERENCE_PATH ?? '').split(delimiter),
  '/usr/lib/cni',
  '/opt/cni/bin',
  join(plugins, '../.cache/debian/usr/lib/cni'),
].find((directory) => directory !== '' && existsSync(join(directory, 'bridge')));

const onPath = (program: string) => (process.env.PATH ?? '').split(delimiter).some((directory) => existsSync(join(directory, program)));

function unable(...programs: string[]): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const missing = ['ip', 'nsenter', 'flock', ...programs].filter((program) => !onPath(program));
  return missing.length > 0 ? `${missing.join(', ')} not on PATH` : undefined;
}

let temporary: string;
beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'berth-bridge-'));
  await install('ours', { bridge: ours('bridge'), 'host-local': ours('host-local') });
  if (!referenceDirectory) return;
  const theirs = (name: string) => join(referenceDirectory, name);
  await install('reference', { bridge: theirs('bridge'), 'host-local': theirs('host-local') });
  await install('our bridge', { bridge: ours('bridge'), 'host-local': theirs('host-local') });
  await install('our host-local', { bridge: theirs('bridge'), 'host-local': ours('host-local') });
});
afterAll(() => rm(temporary, { recursive: true }));

interface Script {
  script: string;
}

/** The plugin run from its source. */
function ours(name: string): Script {
  return { script: `#!/bin/sh\nexec '${process.execPath}' --conditions=berth-source '${join(plugins, `cni-${name}/src/main.ts`)}'\n` };
}

/** Makes a directory for CNI_PATH. */
async function install(name: string, executables: Record<string, string | Script>): Promise<void> {
  await mkdir(join(temporary, name));
  for (const [plugin, executable] of Object.entries(executables)) {
    const file = join(temporary, name, plugin);
    if (typeof executable === 'string') await symlink(executable, file);
    else {
      await writeFile(file, executable.script);
      await chmod(file, 0o755);
    }
  }
}

beforeEach(({ skip }) => {
  const reason = unable();
  if (reason) skip(reason);
  for (const name of [hostNetns, container]) execFileSync('ip', ['netns', 'add', name]);
});
afterEach(async () => {
  if (unable()) return;
  for (const name of [hostNetns, container].filter((name) => existsSync(`/run/netns/${name}`)))
    execFileSync('ip', ['netns', 'delete', name]);
  await rm(dataDir(), { recursive: true, force: true });
});

const dataDir = () => join(temporary, 'networks');
const network = (keys: object = {}) => ({
  cniVersion: '1.0.0',
  name: 'net',
  type: 'bridge',
  bridge: 'br0',
  isGateway: true,
  ipam: {
    type: 'host-local',
    dataDir: dataDir(),
    ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00::/64' }]],
    routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
  },
  ...keys,
});

interface Printed {
  code?: number;
  msg?: string;
  interfaces?: { name: string; mac: string; sandbox?: string }[];
  ips?: object[];
  routes?: object[];
}

/** Executes a plugin of the directory `which`, as a runtime on the host would. */
async function start(which: string, verb: string, config: object, namespace = netns, id = 'c1'): Promise<Printed> {
  const directory = join(temporary, which);
  const env = { ...process.env, CNI_COMMAND: verb, CNI_CONTAINERID: id, CNI_NETNS: namespace, CNI_IFNAME: 'eth0', CNI_PATH: directory };
  const running = promisify(execFile)('ip', ['netns', 'exec', hostNetns, join(directory, 'bridge')], { env });
  running.child.stdin?.end(JSON.stringify(config));
  const { stdout } = await running.catch((failed: { stdout: string }) => failed);
  return JSON.parse(stdout || '{}');
}

const ip = (namespace: string, ...parameters: string[]) =>
  JSON.parse(execFileSync('ip', ['-n', namespace, '-json', ...parameters], { encoding: 'utf8' }) || '[]');
const inHost = (program: string, ...parameters: string[]) =>
  execFileSync('ip', ['netns', 'exec', hostNetns, program, ...parameters], { encoding: 'utf8' });
// iproute2 prints an empty object for each address that a filter leaves out.
const addressesOf = (namespace: string, device: string): string[] =>
  ip(namespace, 'address', 'show', 'dev', device, 'scope', 'global')[0].addr_info.flatMap(
    ({ local, prefixlen }: { local?: string; prefixlen?: number }) => (local ? [`${local}/${prefixlen}`] : []),
  );
const devicesOf = (namespace: string): string[] => ip(namespace, 'link', 'show').map(({ ifname }: { ifname: string }) => ifname);
const reserved = () => readdirSync(join(dataDir(), 'net')).filter((name) => /^[0-9a-f.:]+$/.test(name));

describe('ADD', () => {
  it('connects the container, with addresses and routes of both families', async () => {
    const result = await start('ours', 'ADD', network());
    expect(result.interfaces?.map(({ name, sandbox }) => [name, sandbox])).toEqual([
      ['br0', undefined],
      [expect.stringMatching(/^veth/), undefined],
      ['eth0', netns],
    ]);
    expect(addressesOf(container, 'eth0')).toEqual(['10.1.0.2/24', 'fd00::2/64']);
    expect(addressesOf(hostNetns, 'br0')).toEqual(['10.1.0.1/24', 'fd00::1/64']);
    expect(ip(container, 'route', 'show', 'default')).toMatchObject([{ gateway: '10.1.0.1' }]);
    expect(ip(container, '-6', 'route', 'show', 'default')).toMatchObject([{ gateway: 'fd00::1' }]);
    expect(inHost('cat', '/proc/sys/net/ipv4/ip_forward', '/proc/sys/net/ipv6/conf/all/forwarding')).toBe('1\n1\n');
  });

  it('names the hardware addresses that the interfaces have', async () => {
    const [bridge, port, inside] = (await start('ours', 'ADD', network())).interfaces ?? [];
    const macOf = (namespace: string, device = '') => ip(namespace, 'link', 'show', 'dev', device)[0].address;
    expect([bridge?.mac, port?.mac, inside?.mac]).toEqual([
      macOf(hostNetns, 'br0'),
      macOf(hostNetns, port?.name),
      macOf(container, 'eth0'),
    ]);
  });

  it('sets mtu, hairpin mode and the hardware address', async () => {
    const result = await start('ours', 'ADD', network({ mtu: 1400, hairpinMode: true, runtimeConfig: { mac: '02:00:00:00:00:09' } }));
    const port = result.interfaces?.[1]?.name ?? '';
    expect(ip(container, 'link', 'show', 'dev', 'eth0')).toMatchObject([{ mtu: 1400, address: '02:00:00:00:00:09' }]);
    expect(ip(hostNetns, '-details', 'link', 'show', 'dev', port)).toMatchObject([
      { mtu: 1400, linkinfo: { info_slave_data: { hairpin: true } } },
    ]);
  });

  it('connects without addresses where no IPAM is configured', async () => {
    expect((await start('ours', 'ADD', network({ ipam: {}, isGateway: false }))).ips).toBeUndefined();
    expect(ip(container, 'link', 'show', 'dev', 'eth0')[0].flags).toContain('UP');
  });

  it('connects several first containers at once, each with an address of its own', async ({ onTestFinished }) => {
    const pods = Array.from({ length: 4 }, (_, index) => `${container}-${index}`);
    onTestFinished(() => pods.forEach((pod) => void execFileSync('ip', ['netns', 'delete', pod])));
    for (const pod of pods) execFileSync('ip', ['netns', 'add', pod]);
    const results = await Promise.all(pods.map((pod) => start('ours', 'ADD', network(), `/run/netns/${pod}`, pod)));
    expect(results.flatMap(({ msg }) => msg ?? [])).toEqual([]);
    expect(new Set(results.map(({ ips }) => JSON.stringify(ips))).size).toBe(pods.length);
    expect(addressesOf(hostNetns, 'br0')).toEqual(['10.1.0.1/24', 'fd00::1/64']);
  });

  it('undoes everything when it fails half-way', async () => {
    await start('ours', 'ADD', network());
    const before = devicesOf(hostNetns);
    const failed = await start('ours', 'ADD', network(), netns, 'c2');
    expect(failed.msg).toContain(`interface eth0 in ${netns}: exists already`);
    expect(devicesOf(hostNetns)).toEqual(before);
    expect(reserved()).toEqual(['10.1.0.2', 'fd00::2']);
  });

  it('undoes everything when a route is impossible', async () => {
    const config = network();
    config.ipam.routes.push({ dst: '192.168.0.0/16', gw: '172.16.0.1' } as { dst: string });
    const failed = await start('ours', 'ADD', config);
    expect(failed.msg).toContain('`ip route add 192.168.0.0/16 via 172.16.0.1 dev eth0` failed');
    expect(devicesOf(container)).toEqual(['lo']);
    expect(devicesOf(hostNetns)).toEqual(['lo', 'br0']);
    expect(reserved()).toEqual([]);
  });

  it.each([
    ['that is missing', '/run/netns/berthtest-none', 'no network namespace at /run/netns/berthtest-none'],
    ['that is a plain file', '/etc/hostname', '/etc/hostname is no network namespace'],
  ])('refuses a namespace %s', async (_, namespace, message) => {
    expect(await start('ours', 'ADD', network(), namespace)).toMatchObject({ code: 4, msg: `CNI_NETNS: ${message}` });
    expect(existsSync(dataDir()) ? reserved() : []).toEqual([]);
  });

  it('refuses a bridge that is something else', async () => {
    inHost('ip', 'link', 'add', 'name', 'br0', 'type', 'veth', 'peer', 'name', 'br1');
    expect(await start('ours', 'ADD', network())).toMatchObject({
      code: 7,
      msg: expect.stringContaining("interface br0: can't have ports"),
    });
  });
});

describe('DEL', () => {
  it('removes the interface and gives back the addresses, and succeeds again', async () => {
    await start('ours', 'ADD', network());
    for (let times = 0; times < 2; times++) {
      expect(await start('ours', 'DEL', network())).toEqual({});
      expect(devicesOf(container)).toEqual(['lo']);
      expect(devicesOf(hostNetns)).toEqual(['lo', 'br0']);
      expect(reserved()).toEqual([]);
    }
  });

  it.each([
    ['is gone', `/run/netns/${container}`],
    ['is not given', ''],
    ['left a plain file', '/etc/hostname'],
  ])('gives back the addresses where the namespace %s', async (_, namespace) => {
    await start('ours', 'ADD', network());
    execFileSync('ip', ['netns', 'delete', container]);
    expect(await start('ours', 'DEL', network(), namespace)).toEqual({});
    expect(reserved()).toEqual([]);
  });
});

describe('ipMasq', () => {
  beforeEach(({ skip }) => {
    const reason = unable('nft');
    if (reason) skip(reason);
  });
  const rules = () => inHost('nft', 'list', 'chain', 'inet', 'cni_plugins_masquerade', 'masq_checks').match(/masquerade comment/g) ?? [];

  it('makes a rule for each address, and DEL removes them', async () => {
    await start('ours', 'ADD', network({ ipMasq: true }));
    expect(rules()).toHaveLength(2);
    await start('ours', 'DEL', network({ ipMasq: true }));
    expect(rules()).toHaveLength(0);
  });

  it.each([
    ['is', () => undefined],
    ['has been flushed', () => inHost('nft', 'flush', 'chain', 'inet', 'cni_plugins_masquerade', 'postrouting')],
    ['has been deleted', () => inHost('nft', 'delete', 'table', 'inet', 'cni_plugins_masquerade')],
  ])('leads packets to its rules once, where the way to them %s', async (_is, change) => {
    await start('ours', 'ADD', network({ ipMasq: true }));
    await start('ours', 'DEL', network({ ipMasq: true }));
    change();
    await start('ours', 'ADD', network({ ipMasq: true }));
    expect(inHost('nft', 'list', 'chain', 'inet', 'cni_plugins_masquerade', 'postrouting').match(/goto masq_checks/g)).toHaveLength(1);
    expect(rules()).toHaveLength(2);
  });

  it("removes the reference plugin's rules of iptables too", async ({ skip }) => {
    const reason = referenceDirectory ? unable('iptables', 'iptables-restore', 'ip6tables', 'ip6tables-restore') : 'no reference plugins';
    if (reason) skip(reason);
    expect((await start('reference', 'ADD', network({ ipMasq: true }))).code).toBeUndefined();
    expect(inHost('iptables', '-t', 'nat', '-S')).toContain('CNI-');
    expect(await start('ours', 'DEL', network({ ipMasq: true }))).toEqual({});
    expect(inHost('iptables', '-t', 'nat', '-S')).not.toContain('CNI-');
    expect(inHost('ip6tables', '-t', 'nat', '-S')).not.toContain('CNI-');
  });
});

describe('together with the reference plugins', () => {
  beforeEach(({ skip }) => {
    if (!referenceDirectory) skip('no reference plugins in CNI_REFERENCE_PATH, /usr/lib/cni, /opt/cni/bin or .cache/debian');
  });

  it.each([
    ['ours', 'reference'],
    ['reference', 'ours'],
    ['our bridge', 'our host-local'],
    ['our host-local', 'our bridge'],
  ])('what "%s" adds, "%s" deletes', async (adder, deleter) => {
    expect((await start(adder, 'ADD', network())).code).toBeUndefined();
    expect(addressesOf(container, 'eth0')).toEqual(['10.1.0.2/24', 'fd00::2/64']);
    expect(await start(deleter, 'DEL', network())).toEqual({});
    expect(devicesOf(container)).toEqual(['lo']);
    expect(reserved()).toEqual([]);
  });

  it('both give the same result', async () => {
    const theirs = await start('reference', 'ADD', network());
    await start('reference', 'DEL', network());
    const ours = await start('ours', 'ADD', network());
    expect(ours.interfaces?.map(({ name, sandbox }) => [name.slice(0, 4), sandbox])).toEqual(
      theirs.interfaces?.map(({ name, sandbox }) => [name.slice(0, 4), sandbox]),
    );
    expect(ours.ips).toEqual([
      { interface: 2, address: '10.1.0.3/24', gateway: '10.1.0.1' },
      { interface: 2, address: 'fd00::3/64', gateway: 'fd00::1' },
    ]);
    expect(theirs.ips).toEqual([
      { interface: 2, address: '10.1.0.2/24', gateway: '10.1.0.1' },
      { interface: 2, address: 'fd00::2/64', gateway: 'fd00::1' },
    ]);
  });
});
