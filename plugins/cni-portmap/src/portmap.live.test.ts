import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
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

const rules = () => nft('list', 'ruleset').match(/.* comment "c\d"/g) ?? [];

describe('ADD', () => {
  it('passes on the result of the plugin before it', async () => {
    expect(await call('ADD')).toEqual(result(web));
  });

  it('makes nothing where no ports are asked for', async () => {
    expect(await call('ADD', { portMappings: [] })).toEqual(result(web));
    expect(nft('list', 'ruleset')).toBe('');
  });

  describe.each(['tcp', 'udp'])('leads the port to the container over %s', (protocol) => {
    beforeEach(async () => {
      expect(await call('ADD', { portMappings: [{ ...mapping, protocol }] })).not.toHaveProperty('code');
      await serve(pods.web, 'web');
    });

    it.each([
      ['another machine, which stays visible', outside, '192.0.2.1', 'web 192.0.2.2'],
      ['another machine over IPv6', outside, 'fd02::1', 'web fd02::2'],
      ['the host at its own address', host, '192.0.2.1', 'web 192.0.2.1'],
      ['the host over IPv6', host, 'fd02::1', 'web fd02::1'],
      ['the host at 127.0.0.1', host, '127.0.0.1', 'web 10.1.0.1'],
      ['another container', pods.other, '10.1.0.1', 'web 10.1.0.1'],
      ['another container over IPv6', pods.other, 'fd01::1', 'web fd01::1'],
      ['the container itself', pods.web, '192.0.2.1', 'web 10.1.0.1'],
      ['the container itself over IPv6', pods.web, 'fd02::1', 'web fd01::1'],
    ])('from %s', async (_, from, to, expected) => {
      expect(await answer(from, to, 8080, protocol)).toBe(expected);
    });
  });
});
