import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { ServedAnswer } from '@berth/sdk/cni/serve';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';

// Network namespaces stand for a host, another machine and containers, so that rules and sysctls of the real host stay as they are.
const unique = process.pid;
export const host = `berthtest-pm-host-${unique}`;
export const pods = { web: `berthtest-pm-web-${unique}`, other: `berthtest-pm-other-${unique}` };
export const outside = `berthtest-pm-out-${unique}`;
const all = [host, outside, ...Object.values(pods)];

// The container web is at 10.1.0.2 and fd01::2, the host at 10.1.0.1, and at 192.0.2.1 and fd02::1 for others than containers.
export const web = ['10.1.0.2/24', 'fd01::2/64'];

export const backends = ['nftables', 'iptables'] as const;

/** The chain of iptables that leads to container c1 on network net. */
export const containerChain = 'CNI-DN-623e1c388032b20529218';

/** The program's file; '' where it isn't on PATH. */
export function findOnPath(program: string): string {
  const files = (process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, program));
  return files.find((file) => existsSync(file)) ?? '';
}

function unable(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const missing = ['ip', 'nft', 'iptables', 'ip6tables'].filter((program) => !findOnPath(program));
  return missing.length > 0 ? `${missing.join(', ')} not on PATH` : undefined;
}

export const inside = (namespace: string, program: string, ...parameters: string[]) =>
  execFileSync('ip', ['netns', 'exec', namespace, program, ...parameters], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
export const nft = (...parameters: string[]) => inside(host, 'nft', ...parameters);
export const sysctl = (namespace: string, name: string, value: string) =>
  inside(namespace, 'sh', '-c', `echo ${value} > /proc/sys/${name}`);

let servers: ChildProcess[] = [];
let plugin: PluginServer;

/** Makes the namespaces for the tests of a file, and removes them after them. What a test leaves on the host goes before the next one. */
export function useHost(): void {
  beforeAll(() => {
    if (unable() !== undefined) return;
    makeNamespaces();
    plugin = new PluginServer(process.env.PATH);
  });

  beforeEach(({ skip }) => {
    const reason = unable();
    if (reason) skip(reason);
  });

  afterEach(() => {
    for (const server of servers) server.kill('SIGKILL');
    servers = [];
    if (unable() !== undefined) return;
    nft('flush', 'ruleset');
    sysctl(host, 'net/ipv4/conf/br0/route_localnet', '0');
    sysctl(host, 'net/bridge/bridge-nf-call-iptables', '1');
  });

  afterAll(async () => {
    await plugin?.end();
    for (const name of all.filter((each) => existsSync(`/run/netns/${each}`))) execFileSync('ip', ['netns', 'delete', name]);
  });
}

function makeNamespaces(): void {
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
}

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
const [protocol, host, port, waitMs] = process.argv.slice(1);
const answered = (data) => { process.stdout.write(String(data)); process.exit(0); };
setTimeout(() => process.exit(1), Number(waitMs));
if (protocol === 'tcp') require('net').connect(Number(port), host).on('data', answered).on('error', () => process.exit(1));
else {
  const socket = require('dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4').on('message', answered);
  setInterval(() => socket.send('?', Number(port), host), 100);
}
`;

export async function serve(namespace: string, name: string): Promise<void> {
  const server = spawn('ip', ['netns', 'exec', namespace, process.execPath, '-e', echo, name], { stdio: ['ignore', 'pipe', 'inherit'] });
  servers.push(server);
  await once(server.stdout, 'data');
}

/** What answers at that port, and the address that it saw; undefined where nothing does for as long as it is waited for. */
export async function answer(from: string, to: string, port = 8080, protocol = 'tcp', waitMs = 5000): Promise<string | undefined> {
  const parameters = [protocol, to, String(port), String(waitMs)];
  const asked = promisify(execFile)('ip', ['netns', 'exec', from, process.execPath, '-e', ask, ...parameters]);
  return asked.then(
    ({ stdout }) => stdout,
    () => undefined,
  );
}

/** A client on the other machine that goes on sending from one port. */
export function startUdpClient(): { hears(text: string): Promise<void> } {
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

export const mapping = { hostPort: 8080, containerPort: 80, protocol: 'tcp' };
export const result = (addresses: string[]) => ({
  cniVersion: '1.1.0',
  interfaces: [{ name: 'br0' }, { name: 'web' }, { name: 'eth0', sandbox: `/run/netns/${pods.web}` }],
  ips: addresses.map((each) => ({ address: each, interface: 2 })),
  dns: {},
});

export interface Call {
  keys?: object;
  portMappings?: object[];
  addresses?: string[];
  id?: string;
  network?: string;
  /** Null: without the key. */
  backend?: string | null;
  /** The plugin's; default: this process's own. */
  path?: string;
}

/** Calls the plugin on the host. */
export async function call(
  verb: string,
  { keys, portMappings = [mapping], addresses = web, id = 'c1', network = 'net', backend = 'nftables', path }: Call = {},
) {
  const config = {
    cniVersion: '1.1.0',
    name: network,
    type: 'portmap',
    backend,
    runtimeConfig: { portMappings },
    prevResult: result(addresses),
    ...keys,
  };
  const env = {
    CNI_COMMAND: verb,
    CNI_CONTAINERID: id,
    CNI_NETNS: `/run/netns/${pods.web}`,
    CNI_IFNAME: 'eth0',
    CNI_PATH: '/x',
  };
  const server = path === undefined ? plugin : new PluginServer(path);
  const { stdout } = await server.call(env, JSON.stringify(config));
  if (path !== undefined) await server.end();
  return JSON.parse(stdout || '{}');
}

const serving = `
import { createInterface } from 'node:readline';
import { serve } from '@berth/sdk/cni/serve';
import { plugin } from ${JSON.stringify(join(import.meta.dirname, 'portmap.ts'))};
const lines = createInterface({ input: process.stdin });
await serve({ portmap: async () => plugin }, { delegate: async () => undefined, env: process.env, lines, write: (line) => process.stdout.write(line) });
`;

/** The plugin from its source, in one process in the namespace that stands for the host, which is asked over and over. */
class PluginServer {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: ServedAnswer) => void>();
  #calls = 0;

  constructor(path: string | undefined) {
    const node = [process.execPath, '--conditions=berth-source', '--input-type=module', '-e', serving];
    this.#child = spawn('ip', ['netns', 'exec', host, ...node], {
      cwd: import.meta.dirname,
      env: { ...process.env, PATH: path },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    if (!this.#child.stdout) throw new Error('the server has no output');
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const answered = JSON.parse(line) as ServedAnswer;
      this.#waiting.get(answered.id)?.(answered);
    });
  }

  async call(env: Record<string, string>, stdin: string): Promise<ServedAnswer> {
    const id = this.#calls++;
    const { promise, resolve } = Promise.withResolvers<ServedAnswer>();
    this.#waiting.set(id, resolve);
    this.#child.stdin?.write(`${JSON.stringify({ id, plugin: 'portmap', env, stdin })}\n`);
    return promise;
  }

  async end(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await ended;
  }
}

/** The containers whose rules there are in either back end, each as often as it has rules. */
export function marks(): string[] {
  const rules = [nft('list', 'ruleset'), ...['iptables', 'ip6tables'].map((program) => inside(host, program, '-t', 'nat', '-S'))].join(
    '\n',
  );
  return [...rules.matchAll(/ comment "(c\d)"|id: \\"(c\d)\\"/g)].map(([, ofNft, ofIptables]) => ofNft ?? ofIptables ?? '');
}
