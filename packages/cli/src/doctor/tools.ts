import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import semver from 'semver';
import { type Finding, failed, ok, warning } from './check.ts';

interface Tool {
  name: string;
  /** What the node uses it for, shown where it is missing. */
  purpose: string;
  versionArgs: string[];
  minimum?: string;
  optional?: boolean;
}

/** The same programs that set-up provides in a checkout (setup/debian/tool-table.mjs); a test compares the two. */
export const tools: Tool[] = [
  { name: 'runc', purpose: 'makes containers', versionArgs: ['--version'], minimum: '1.1.0' },
  { name: 'conmon', purpose: 'watches containers', versionArgs: ['--version'], minimum: '2.1.0' },
  { name: 'ip', purpose: 'changes networks', versionArgs: ['-V'], minimum: '5.10.0' },
  { name: 'nft', purpose: 'masquerades pod traffic and maps ports of the host', versionArgs: ['--version'], minimum: '1.0.0' },
  {
    name: 'conntrack',
    purpose: 'ends what UDP clients had on a mapped port before its pod came',
    versionArgs: ['--version'],
    optional: true,
  },
  { name: 'mount', purpose: 'mounts what machines and pods with a user namespace have', versionArgs: ['--version'] },
  { name: 'umount', purpose: 'unmounts what machines have', versionArgs: ['--version'] },
  { name: 'unshare', purpose: 'makes namespaces of pods with a user namespace', versionArgs: ['--version'], minimum: '2.36.0' },
  {
    name: 'nsenter',
    purpose: 'enters namespaces of machines and of pods with a user namespace',
    versionArgs: ['--version'],
    minimum: '2.36.0',
  },
  { name: 'hostname', purpose: 'names pods with a user namespace', versionArgs: ['--version'] },
  { name: 'flock', purpose: 'waits for the address store of host-local', versionArgs: ['--version'] },
  {
    name: 'catatonit',
    purpose: 'holds a shared PID namespace (shareProcessNamespace)',
    versionArgs: ['--version'],
    minimum: '0.1.5',
    optional: true,
  },
];

/** One finding per program that the node executes: where it is, its version, and whether that is new enough. */
export function checkTools(): Finding[] {
  return tools.map(checkTool);
}

/** crun is no need, but who has it may want to use it: it makes no containers on a host with both kinds of cgroups. */
export function checkCrun(hybridCgroups: boolean): Finding[] {
  const path = findOnPath('crun');
  if (!path) return [];
  if (!hybridCgroups) return [ok('crun', path)];
  return [warning('crun', `${path}, which refuses cgroups in hybrid mode`, 'use runc, or boot with systemd.unified_cgroup_hierarchy=1')];
}

function checkTool(tool: Tool): Finding {
  const path = findOnPath(tool.name);
  const advice = `install it with your distribution's packages, or run "npm run setup" in a checkout; it ${tool.purpose}`;
  if (!path) return tool.optional ? warning(tool.name, 'not on PATH', advice) : failed(tool.name, 'not on PATH', advice);
  const said = spawnSync(path, tool.versionArgs, { encoding: 'utf8', timeout: 5000 });
  const version = /(\d+\.\d+(\.\d+)?)/.exec(`${said.stdout ?? ''}${said.stderr ?? ''}`)?.[1];
  if (!version) return failed(tool.name, `${path} doesn't tell its version`, `check that it runs: ${path} ${tool.versionArgs.join(' ')}`);
  const old = tool.minimum && semver.lt(semver.coerce(version) ?? '0.0.0', tool.minimum);
  return old
    ? failed(tool.name, `${version} (${path})`, `${tool.minimum} or newer is needed; ${advice}`)
    : ok(tool.name, `${version} (${path})`);
}

/** The first executable file of that name on PATH. */
export function findOnPath(name: string): string | undefined {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {}
  }
  return undefined;
}
