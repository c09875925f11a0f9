import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

// Network namespaces stand for a host, another machine and containers, so that rules and sysctls of the real host stay as they are.
const unique = process.pid;
const host = `berthtest-pm-host-${unique}`;
const pods = { web: `berthtest-pm-web-${unique}`, other: `berthtest-pm-other-${unique}` };
const outside = `berthtest-pm-out-${unique}`;
const all = [host, outside, ...Object.values(pods)];

// The container web is at 10.1.0.2 and fd01::2, the host at 10.1.0.1, and at 192.0.2.1 and fd02::1 for others than containers.
const web = ['10.1.0.2/24', 'fd01::2/64'];

const onPath = (program: string) => (process.env.PATH ?? '').split(delimiter).some((directory) => existsSync(join(directory, program)));

function unable(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const missing = ['ip', 'nft', 'nsenter', 'unshare'].filter((program) => !onPath(program));
  return missing.length > 0 ? `${missing.join(', ')} not on PATH` : undefined;
}

const inside = (namespace: string, program: string, ...parameters: string[]) =>
  execFileSync('ip', ['netns', 'exec', namespace, program, ...parameters], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const nft = (...parameters: string[]) => inside(host, 'nft', ...parameters);
const sysctl = (namespace: string, name: string, value: string) => inside(namespace, 'sh', '-c', `echo ${value} > /proc/sys/${name}`);

let servers: ChildProcess[] = [];

beforeEach(({ skip }) => {
  const reason = unable();
  if (reason) skip(reason);
  for (const name of all) {
    execFileSync('ip', ['netns', 'add', name]);
    inside(name, 'ip', 'link', 'set', 'lo', 'up');
    // IPv6 addresses are usable at once.
    sysctl(name, 'net/ipv6/conf/default/accept_dad', '0');
  }
  inside(host, 'ip', 'link', 'add', 'br0', 'up', 'type', 'bridge');
  sysctl(host, 'net/ipv4/ip_forward', '1');
  sysctl(host, 'net/ipv6/conf/all/forwarding', '1');
  address(host, 'br0', '10.1.0.1/24', 'fd01::1/64');
  connectTo(pods.web, 'web', ['master', 'br0'], web, ['10.1.0.1', 'fd01::1']);
  connectTo(pods.other, 'other', ['master', 'br0'], ['10.1.0.3/24', 'fd01::3/64'], ['10.1.0.1', 'fd01::1']);
  // As the bridge plugin's hairpinMode.
  inside(host, 'ip', 'link', 'set', 'web', 'type', 'bridge_slave', 'hairpin', 'on');
  connectTo(outside, 'out', [], ['192.0.2.2/24', 'fd02::2/64'], ['192.0.2.1', 'fd02::1']);
  address(host, 'out', '192.0.2.1/24', 'fd02::1/64');
});

afterEach(() => {
  for (const server of servers) server.kill('SIGKILL');
  servers = [];
  for (const name of all.filter((each) => existsSync(`/run/netns/${each}`))) execFileSync('ip', ['netns', 'delete', name]);
});

function connectTo(namespace: string, port: string, options: string[], addresses: string[], gateways: string[]): void {
  const peer = ['peer', 'name', 'eth0', 'netns', `/run/netns/${namespace}`];
  inside(host, 'ip', 'link', 'add', port, ...options, 'up', 'type', 'veth', ...peer);
  inside(namespace, 'ip', 'link', 'set', 'eth0', 'up');
  address(namespace, 'eth0', ...addresses);
  for (const gateway of gateways) inside(namespace, 'ip', 'route', 'add', 'default', 'via', gateway);
}

function address(namespace: string, device: string, ...addresses: string[]): void {
  for (const each of addresses) inside(namespace, 'ip', 'address', 'add', each, 'dev', device, ...(each.includes(':') ? ['nodad'] : []));
}

/** Answers each TCP connection and UDP packet to port 80 with its name and the address that it sees. */
const echo = `
const [name] = process.argv.slice(1);
const tcp = require('net').createServer((socket) => socket.end(name + ' ' + socket.remoteAddress.replace('::ffff:', '')));
const udp = require('dgram').createSocket({ type: 'udp6' });
udp.on('message', (_, { port, address }) => udp.send(name + ' ' + address.replace('::ffff:', ''), port, address));
tcp.listen(80, '::', () => udp.bind(80, '::', () => console.log('ready')));
`;

/** Connects, or sends a packet, and prints what comes back. */
const ask = `
const [protocol, host, port] = process.argv.slice(1);
const answered = (data) => { process.stdout.write(String(data)); process.exit(0); };
setTimeout(() => process.exit(1), 2000);
if (protocol === 'tcp') require('net').connect(Number(port), host).on('data', answered).on('error', () => process.exit(1));
else {
  const socket = require('dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4').on('message', answered);
  setInterval(() => socket.send('?', Number(port), host), 100);
}
`;

async function serve(namespace: string, name: string): Promise<void> {
  const server = spawn('ip', ['netns', 'exec', namespace, process.execPath, '-e', echo, name], { stdio: ['ignore', 'pipe', 'inherit'] });
  servers.push(server);
  await once(server.stdout, 'data');
}

/** What answers at that port, and the address that it saw; undefined where nothing does. */
async function answer(from: string, to: string, port = 8080, protocol = 'tcp'): Promise<string | undefined> {
  const asked = promisify(execFile)('ip', ['netns', 'exec', from, process.execPath, '-e', ask, protocol, to, String(port)]);
  return asked.then(
    ({ stdout }) => stdout,
    () => undefined,
  );
}

/** A client on the other machine that goes on sending from one port. */
function startUdpClient(): { hears(text: string): Promise<void> } {
  const program = `
    const socket = require('dgram').createSocket('udp4').on('message', (data) => process.stdout.write(data + '\\n'));
    setInterval(() => socket.send('?', 8080, '192.0.2.1'), 50);
  `;
  const client = spawn('ip', ['netns', 'exec', outside, process.execPath, '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  servers.push(client);
  return {
    async hears(text) {
      for await (const [data] of on(client.stdout, 'data')) if (String(data).includes(text)) return;
    },
  };
}

const mapping = { hostPort: 8080, containerPort: 80, protocol: 'tcp' };
const result = (addresses: string[]) => ({
  cniVersion: '1.1.0',
  interfaces: [{ name: 'br0' }, { name: 'web' }, { name: 'eth0', sandbox: `/run/netns/${pods.web}` }],
  ips: addresses.map((each) => ({ address: each, interface: 2 })),
  dns: {},
});

interface Call {
  keys?: object;
  portMappings?: object[];
  addresses?: string[];
  id?: string;
  network?: string;
}

/** Executes the plugin from its source, in the namespace that stands for the host. */
async function call(verb: string, { keys, portMappings = [mapping], addresses = web, id = 'c1', network = 'net' }: Call = {}) {
  const config = {
    cniVersion: '1.1.0',
    name: network,
    type: 'portmap',
    runtimeConfig: { portMappings },
    prevResult: result(addresses),
    ...keys,
  };
  const env = {
    ...process.env,
    CNI_COMMAND: verb,
    CNI_CONTAINERID: id,
    CNI_NETNS: `/run/netns/${pods.web}`,
    CNI_IFNAME: 'eth0',
    CNI_PATH: '/x',
  };
  const main = join(import.meta.dirname, 'main.ts');
  const running = promisify(execFile)('ip', ['netns', 'exec', host, process.execPath, '--conditions=berth-source', main], { env });
  running.child.stdin?.end(JSON.stringify(config));
  const { stdout } = await running.catch((failed: { stdout: string }) => failed);
  return JSON.parse(stdout || '{}');
}

/** The containers whose rules there are, each as often as it has rules. */
const marks = () => [...nft('list', 'ruleset').matchAll(/ comment "(c\d)"/g)].map(([, id]) => id);

describe('ADD', () => {
  it('passes on the result of the plugin before it', async () => {
    expect(await call('ADD')).toEqual(result(web));
  });

  it('makes nothing where no ports are asked for', async () => {
    expect(await call('ADD', { portMappings: [] })).toEqual(result(web));
    expect(nft('list', 'ruleset')).toBe('');
  });

  it.each(['tcp', 'udp'])('leads the port to the container over %s, from everywhere', async (protocol) => {
    await call('ADD', { portMappings: [{ ...mapping, protocol }] });
    await serve(pods.web, 'web');
    const paths: [from: string, namespace: string, to: string, answered: string][] = [
      ['another machine, whose address the container sees', outside, '192.0.2.1', 'web 192.0.2.2'],
      ['another machine over IPv6', outside, 'fd02::1', 'web fd02::2'],
      ['the host at its own address', host, '192.0.2.1', 'web 192.0.2.1'],
      ['the host over IPv6', host, 'fd02::1', 'web fd02::1'],
      ['the host at 127.0.0.1', host, '127.0.0.1', 'web 10.1.0.1'],
      ['another container', pods.other, '10.1.0.1', 'web 10.1.0.1'],
      ['another container over IPv6', pods.other, 'fd01::1', 'web fd01::1'],
      ['the container itself', pods.web, '192.0.2.1', 'web 10.1.0.1'],
      ['the container itself over IPv6', pods.web, 'fd02::1', 'web fd01::1'],
    ];
    const answers = await Promise.all(
      paths.map(async ([from, namespace, to]) => [from, await answer(namespace, to, 8080, protocol)] as const),
    );
    expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(paths.map(([from, , , answered]) => [from, answered])));
  });

  describe.each(['0', '1'])('with bridge-nf-call-iptables = %s', (value) => {
    it.each([
      ['another container', pods.other],
      ['the container itself', pods.web],
    ])('leads the port to the container from %s', async (_, from) => {
      sysctl(host, 'net/bridge/bridge-nf-call-iptables', value);
      await call('ADD');
      await serve(pods.web, 'web');
      expect(await answer(from, '10.1.0.1')).toBe('web 10.1.0.1');
    });
  });

  it('leaves alone who connects to the same port of another machine, or to the container directly', async () => {
    await call('ADD', { portMappings: [{ ...mapping, hostPort: 80 }] });
    await Promise.all([serve(outside, 'outside'), serve(pods.web, 'web')]);
    expect(await answer(pods.other, '192.0.2.2', 80)).toBe('outside 10.1.0.3');
    expect(await answer(host, 'fd02::2', 80)).toBe('outside fd02::1');
    expect(await answer(pods.other, '10.1.0.2', 80)).toBe('web 10.1.0.3');
  });

  it('keeps containers from what listens on the loopback address of the host', async () => {
    await serve(host, 'host');
    inside(pods.other, 'ip', 'route', 'add', '127.0.0.1', 'via', '10.1.0.1', 'table', '7');
    inside(pods.other, 'ip', 'link', 'set', 'lo', 'down');
    inside(pods.other, 'ip', 'rule', 'add', 'pref', '1', 'to', '127.0.0.1', 'lookup', '7');
    inside(pods.other, 'ip', 'rule', 'add', 'pref', '2', 'lookup', 'local');
    inside(pods.other, 'ip', 'rule', 'delete', 'pref', '0');
    sysctl(pods.other, 'net/ipv4/conf/eth0/route_localnet', '1');
    sysctl(host, 'net/ipv4/conf/br0/route_localnet', '1');
    expect(await answer(pods.other, '127.0.0.1', 80)).toBe('host 10.1.0.3');
    await call('ADD');
    expect(await answer(pods.other, '127.0.0.1', 80)).toBeUndefined();
  });

  it('maps a port of one address only, and before one of all addresses', async () => {
    await Promise.all([serve(pods.web, 'web'), serve(pods.other, 'other')]);
    await call('ADD', { id: 'c2', addresses: ['10.1.0.3/24'] });
    await call('ADD', {
      portMappings: [
        { ...mapping, hostIP: '192.0.2.1' },
        { ...mapping, hostPort: 8081, hostIP: '127.0.0.1' },
        { ...mapping, hostPort: 8082, hostIP: 'fd02::1' },
      ],
    });
    expect(await answer(outside, '192.0.2.1')).toBe('web 192.0.2.2');
    expect(await answer(pods.web, '10.1.0.1')).toBe('other 10.1.0.1');
    expect(await answer(host, '127.0.0.1', 8081)).toBe('web 10.1.0.1');
    expect(await answer(outside, '192.0.2.1', 8081)).toBeUndefined();
    expect(await answer(outside, 'fd02::1', 8082)).toBe('web fd02::2');
    expect(await answer(outside, '192.0.2.1', 8082)).toBeUndefined();
  });

  it('gives a port that another container has to the younger one, until that is gone', async () => {
    await Promise.all([serve(pods.web, 'web'), serve(pods.other, 'other')]);
    await call('ADD');
    await call('ADD', { id: 'c2', addresses: ['10.1.0.3/24'] });
    expect(await answer(outside, '192.0.2.1')).toBe('other 192.0.2.2');
    await call('DEL', { id: 'c2' });
    expect(await answer(outside, '192.0.2.1')).toBe('web 192.0.2.2');
  });

  it('lets through only what conditions say', async () => {
    await serve(pods.web, 'web');
    await call('ADD', { keys: { conditionsV4: ['ip', 'saddr', '!=', '{ 192.0.2.2, 192.0.2.3 }'], conditionsV6: ['iifname', 'out'] } });
    expect(await answer(outside, '192.0.2.1')).toBeUndefined();
    expect(await answer(host, '192.0.2.1')).toBe('web 192.0.2.1');
    expect(await answer(outside, 'fd02::1')).toBe('web fd02::2');
    expect(await answer(host, 'fd02::1')).toBeUndefined();
  });

  it.each([
    ['masqAll, from nobody but the host', { masqAll: true }, 'web 10.1.0.1'],
    ['snat off, from where it came', { snat: false }, 'web 192.0.2.2'],
  ])('what the container sees with %s', async (_, keys, seen) => {
    await serve(pods.web, 'web');
    await call('ADD', { keys });
    expect(await answer(outside, '192.0.2.1')).toBe(seen);
  });

  it('without snat leaves route_localnet as it is', async () => {
    await call('ADD', { keys: { snat: false } });
    expect(inside(host, 'cat', '/proc/sys/net/ipv4/conf/br0/route_localnet')).toBe('0\n');
  });

  it('takes over a UDP client that goes on sending while another container had the port', async ({ skip }) => {
    if (!onPath('conntrack')) skip('conntrack is not on PATH');
    await Promise.all([serve(pods.web, 'web'), serve(pods.other, 'other')]);
    const udp = [{ ...mapping, protocol: 'udp' }];
    await call('ADD', { id: 'c2', addresses: ['10.1.0.3/24'], portMappings: udp });
    const client = startUdpClient();
    await client.hears('other');
    await call('DEL', { id: 'c2', portMappings: udp });
    await call('ADD', { portMappings: udp });
    await client.hears('web');
  });

  it.each([
    ['without a result before it', { keys: { prevResult: undefined } }, 7, 'prevResult: is missing'],
    ['without an address in that result', { addresses: [] }, 7, 'has no address of interface eth0'],
    [
      'for a hostIP of a family that the container lacks',
      { addresses: ['10.1.0.2/24'], portMappings: [{ ...mapping, hostIP: 'fd02::1' }] },
      7,
      'IPv6',
    ],
    ['with conditions that nft does not know', { keys: { conditionsV4: ['nonsense'] } }, 5, 'port mappings of container c1'],
  ])('fails %s and leaves nothing', async (_, wrong, code, message) => {
    expect(await call('ADD', wrong)).toMatchObject({ code, msg: expect.stringContaining(message) });
    expect(nft('list', 'ruleset')).toBe('');
  });
});

describe('DEL', () => {
  it('removes what ADD made and nothing of others, without a result or ports too, and succeeds again', async () => {
    await call('ADD');
    await call('ADD', { id: 'c2' });
    const before = marks().length;
    for (let times = 0; times < 2; times++) {
      expect(await call('DEL', { portMappings: [], keys: { prevResult: undefined } })).toEqual({});
      expect([new Set(marks()), marks().length]).toEqual([new Set(['c2']), before / 2]);
    }
    await call('DEL', { id: 'c2' });
    expect(nft('list', 'ruleset')).not.toMatch(/counter|comment "c/);
  });

  it('leaves the ports of the same container on another network', async () => {
    await call('ADD');
    await call('ADD', { network: 'second', portMappings: [{ ...mapping, hostPort: 8081 }], addresses: ['10.1.0.3/24'] });
    await call('DEL');
    expect(nft('list', 'chain', 'ip', 'cni_hostport', 'hostports').match(/dport \d+/g)).toEqual(['dport 8081']);
  });

  it('succeeds where nothing was ever added', async () => {
    expect(await call('DEL')).toEqual({});
    expect(nft('list', 'ruleset')).toBe('');
  });

  it("removes the reference plugin's rules, of its older layout too", async () => {
    const table = 'ip cni_hostport';
    const rule = 'tcp dport 8080 dnat to 10.1.0.2:80 comment "c1"';
    for (const chain of ['hostports', 'hostip_hostports']) {
      nft(`add table ${table}; add chain ${table} ${chain}; add rule ${table} ${chain} ${rule}`);
    }
    nft(`add chain ${table} masquerading { type nat hook postrouting priority 100 ; }`);
    nft(`add rule ${table} masquerading ip saddr 10.1.0.2 ip daddr 10.1.0.2 masquerade comment "c1"`);
    expect(await call('DEL')).toEqual({});
    expect(marks()).toEqual([]);
  });

  it('of several containers at once removes all', async () => {
    const ids = ['c1', 'c2', 'c3', 'c4'];
    await Promise.all(ids.map((id) => call('ADD', { id })));
    expect(new Set(marks())).toEqual(new Set(ids));
    expect(await Promise.all(ids.map((id) => call('DEL', { id })))).toEqual([{}, {}, {}, {}]);
    expect(marks()).toEqual([]);
  });
});

describe('CHECK', () => {
  it('succeeds after ADD', async () => {
    await call('ADD', { portMappings: [mapping, { ...mapping, protocol: 'udp', hostIP: '192.0.2.1' }] });
    expect(await call('CHECK', { portMappings: [mapping, { ...mapping, protocol: 'udp', hostIP: '192.0.2.1' }] })).toEqual({});
  });

  it.each([
    [
      'a missing rule',
      () => nft('flush', 'chain', 'ip', 'cni_hostport', 'hostports'),
      'the rule of tcp port 8080 in table ip cni_hostport',
    ],
    ['a missing rule of IPv6', () => nft('flush', 'chain', 'ip6', 'cni_hostport', 'hostports'), 'in table ip6 cni_hostport'],
    ['missing masquerading', () => nft('flush', 'chain', 'ip', 'cni_hostport', 'masquerading'), 'a rule for masquerading'],
    ['a missing way to the rules', () => nft('flush', 'chain', 'ip', 'cni_hostport', 'prerouting'), 'the jump of chain prerouting'],
    ['a missing table', () => nft('flush', 'ruleset'), 'the jump of chain output in table ip6'],
    ['route_localnet', () => sysctl(host, 'net/ipv4/conf/br0/route_localnet', '0'), 'route_localnet of interface br0'],
  ])('names %s', async (_, damage, message) => {
    await call('ADD');
    damage();
    expect(await call('CHECK')).toMatchObject({ code: 999, msg: expect.stringContaining(message) });
  });

  it('names a port that leads elsewhere', async () => {
    await call('ADD');
    expect((await call('CHECK', { portMappings: [{ ...mapping, containerPort: 81 }] })).msg).toContain('the rule of tcp port 8080');
    expect((await call('CHECK', { addresses: ['10.1.0.9/24'] })).msg).toContain('the rule of tcp port 8080');
  });
});

describe('GC', () => {
  it('removes the containers of its network that are not valid, and no others', async () => {
    for (const id of ['c1', 'c2', 'c3']) await call('ADD', { id });
    await call('ADD', { id: 'c4', network: 'second' });
    expect(await call('GC', { keys: { 'cni.dev/valid-attachments': [{ containerID: 'c2', ifname: 'eth0' }] } })).toEqual({});
    expect(new Set(marks())).toEqual(new Set(['c2', 'c4']));
  });

  it('without a list of valid attachments removes nothing', async () => {
    await call('ADD');
    expect(await call('GC')).toMatchObject({ code: 7, msg: expect.stringContaining('cni.dev/valid-attachments') });
    expect(marks()).not.toEqual([]);
  });
});

describe('STATUS', () => {
  it('succeeds where nft works', async () => {
    expect(await call('STATUS')).toEqual({});
  });
});
