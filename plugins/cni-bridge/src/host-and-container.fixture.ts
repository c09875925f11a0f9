import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';

// Two network namespaces stand for a host and a container, so that bridges, rules and sysctls of the real host stay as they are.
export const hostNetns = `berthtest-host-${process.pid}`;
export const container = `berthtest-pod-${process.pid}`;
export const netns = `/run/netns/${container}`;
const plugins = join(import.meta.dirname, '../..');
export const referenceDirectory = [
  ...(process.env.CNI_REFERENCE_PATH ?? '').split(delimiter),
  '/usr/lib/cni',
  '/opt/cni/bin',
  join(plugins, '../.cache/debian/usr/lib/cni'),
].find((directory) => directory !== '' && existsSync(join(directory, 'bridge')));

const onPath = (program: string) => (process.env.PATH ?? '').split(delimiter).some((directory) => existsSync(join(directory, program)));

/** Why what needs these programs can't be tried here, if it can't. */
export function unable(...programs: string[]): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const missing = ['ip', 'nsenter', 'flock', ...programs].filter((program) => !onPath(program));
  return missing.length > 0 ? `${missing.join(', ')} not on PATH` : undefined;
}

/** Holds the directories for CNI_PATH, and the address store. */
export let temporary: string;
interface Script {
  script: string;
}

const compiled = join(plugins, '../.cache/cni/bin');

/** The executable that set-up has compiled, which does netlink itself; without one the source. */
function ours(name: string): string | Script {
  return existsSync(join(compiled, name)) ? join(compiled, name) : onNode(name);
}

/** The plugin run from its source, which uses iproute2. */
function onNode(name: string): Script {
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

export const dataDir = () => join(temporary, 'networks');
export const network = (keys: object = {}) => ({
  cniVersion: '1.1.0',
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
  interfaces?: { name: string; mac: string; mtu?: number; sandbox?: string }[];
  ips?: object[];
  routes?: object[];
}

interface How {
  /** PATH of the plugin. */
  path?: string;
  /** In milliseconds. */
  killAfter?: number;
}

/** Executes a plugin of the directory `which`, as a runtime on the host would. */
export async function start(which: string, verb: string, config: object, namespace = netns, id = 'c1', how: How = {}): Promise<Printed> {
  const directory = join(temporary, which);
  const env = {
    ...process.env,
    CNI_COMMAND: verb,
    CNI_CONTAINERID: id,
    CNI_NETNS: namespace,
    CNI_IFNAME: 'eth0',
    CNI_PATH: directory,
  };
  const path = how.path === undefined ? [] : ['env', `PATH=${how.path}`];
  const command = ['netns', 'exec', hostNetns, ...path, join(directory, 'bridge')];
  const limit = how.killAfter === undefined ? {} : { timeout: how.killAfter, killSignal: 'SIGKILL' as const };
  const running = promisify(execFile)('ip', command, { env, ...limit });
  running.child.stdin?.end(JSON.stringify(config));
  const { stdout } = await running.catch((failed: { stdout: string }) => failed);
  return JSON.parse(stdout || '{}');
}

export const ip = (namespace: string, ...parameters: string[]) =>
  JSON.parse(execFileSync('ip', ['-n', namespace, '-json', ...parameters], { encoding: 'utf8' }) || '[]');
export const inHost = (program: string, ...parameters: string[]) =>
  execFileSync('ip', ['netns', 'exec', hostNetns, program, ...parameters], { encoding: 'utf8' });
// iproute2 prints an empty object for each address that a filter leaves out.
export const addressesOf = (namespace: string, device: string): string[] =>
  ip(namespace, 'address', 'show', 'dev', device, 'scope', 'global')[0].addr_info.flatMap(
    ({ local, prefixlen }: { local?: string; prefixlen?: number }) => (local ? [`${local}/${prefixlen}`] : []),
  );
export const devicesOf = (namespace: string): string[] => ip(namespace, 'link', 'show').map(({ ifname }: { ifname: string }) => ifname);
/** Why VLANs can't be tried here, if they can't. */
export const withoutVlans = () => {
  const made = spawnSync('ip', ['-n', hostNetns, 'link', 'add', 'name', 'vlans', 'type', 'bridge', 'vlan_filtering', '1']);
  if (made.status !== 0) return 'this kernel has no VLAN filtering of bridges';
  inHost('ip', 'link', 'delete', 'dev', 'vlans');
  return undefined;
};
export const reserved = () =>
  existsSync(join(dataDir(), 'net')) ? readdirSync(join(dataDir(), 'net')).filter((name) => /^[0-9a-f.:]+$/.test(name)) : [];

/** Makes the plugins' directories for a file's tests, and the two namespaces for each of them. */
export function useHostAndContainer(): void {
  beforeAll(async () => {
    temporary = await mkdtemp(join(tmpdir(), 'berth-bridge-'));
    await install('ours', { bridge: ours('bridge'), 'host-local': ours('host-local') });
    await install('ours on Node', { bridge: onNode('bridge'), 'host-local': onNode('host-local') });
    if (!referenceDirectory) return;
    const theirs = (name: string) => join(referenceDirectory, name);
    await install('reference', { bridge: theirs('bridge'), 'host-local': theirs('host-local') });
    await install('our bridge', { bridge: ours('bridge'), 'host-local': theirs('host-local') });
    await install('our host-local', { bridge: theirs('bridge'), 'host-local': ours('host-local') });
  });
  afterAll(() => rm(temporary, { recursive: true }));

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
}
