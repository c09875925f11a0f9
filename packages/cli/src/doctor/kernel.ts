import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { arch, platform, release } from 'node:os';
import { dirname } from 'node:path';
import semver from 'semver';
import { type Finding, failed, ok, warning } from './check.ts';

const fakeAdvice = 'use "--runtime fake", which needs nothing of the host';

export function checkPlatform(): Finding {
  const found = `${platform()} ${arch()} ${release()}`;
  if (platform() !== 'linux') return failed('platform', found, fakeAdvice);
  if (arch() !== 'x64' && arch() !== 'arm64') return failed('platform', found, `Berth runs on amd64 and arm64; ${fakeAdvice}`);
  const kernel = semver.coerce(release());
  if (!kernel || semver.lt(kernel, '5.10.0')) return warning('platform', found, 'use Linux 5.10 or newer');
  return ok('platform', found);
}

export function checkRoot(): Finding {
  const uid = process.getuid?.() ?? -1;
  return uid === 0 ? ok('root', 'running as root') : failed('root', `running as uid ${uid}`, `run the node by sudo, or ${fakeAdvice}`);
}

export function checkOverlay(): Finding {
  const filesystems = read('/proc/filesystems');
  if (/\toverlay$/m.test(filesystems)) return ok('overlayfs', 'in the kernel');
  return failed('overlayfs', 'not in /proc/filesystems', 'load it: modprobe overlay');
}

export function checkNamespaces(): Finding {
  const missing = ['net', 'ipc', 'uts', 'pid', 'mnt', 'cgroup'].filter((kind) => !existsSync(`/proc/self/ns/${kind}`));
  if (missing.length === 0) return ok('namespaces', 'net ipc uts pid mnt cgroup');
  return failed('namespaces', `missing: ${missing.join(' ')}`, 'use a kernel with these namespaces');
}

export function checkSeccomp(): Finding {
  const actions = read('/proc/sys/kernel/seccomp/actions_avail').trim();
  return actions ? ok('seccomp', actions) : warning('seccomp', 'not there', 'containers run without a system call filter on this kernel');
}

export function checkCgroups(): Finding {
  const mounts = read('/proc/self/mountinfo').split('\n');
  const unified = mounts.some((line) => / \/sys\/fs\/cgroup [^-]* - cgroup2 /.test(line));
  if (unified) return ok('cgroups', 'v2');
  const controllers = ['cpu', 'memory', 'pids'].filter(
    (name) => !mounts.some((line) => new RegExp(` - cgroup \\S+ .*\\b${name}\\b`).test(line)),
  );
  if (controllers.length === 0) return ok('cgroups', hasHybridCgroups() ? 'v1 (hybrid)' : 'v1');
  return failed('cgroups', `missing controllers: ${controllers.join(' ')}`, 'mount cgroup v2 at /sys/fs/cgroup');
}

/** cgroup v1, with v2 beside it at the place that systemd gives it. */
export function hasHybridCgroups(): boolean {
  return / \/sys\/fs\/cgroup\/unified [^-]* - cgroup2 /m.test(read('/proc/self/mountinfo'));
}

const neededBytes = 2e9;

export function checkDisk(root: string): Finding {
  let directory = root;
  while (!existsSync(directory)) directory = dirname(directory);
  const { bavail, bsize } = statfsSync(directory);
  const free = bavail * bsize;
  const found = `${(free / 1e9).toFixed(1)} GB free under ${directory}`;
  return free > neededBytes ? ok('disk', found) : warning('disk', found, 'free some space, or give --root on another disk');
}

const neededInstances = 128;

export function checkInotify(): Finding {
  const instances = Number(read('/proc/sys/fs/inotify/max_user_instances'));
  const found = `${instances} instances`;
  if (instances >= neededInstances) return ok('inotify', found);
  return warning('inotify', found, `sysctl fs.inotify.max_user_instances=${neededInstances}`);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
