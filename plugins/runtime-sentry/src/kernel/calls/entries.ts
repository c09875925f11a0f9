import { EBUSY, EINVAL, EPERM } from '../errno.ts';
import {
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  atCall,
  isMountPoint,
  makeLink,
  type NameIn,
  pairCall,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
} from '../files/host-files.ts';
import type { Kernel } from '../kernel.ts';
import type { SystemCall } from '../notifications.ts';
import { numberOf } from '../syscall-numbers.ts';
import type { Handlers } from './handler.ts';

const mkdirat = numberOf('mkdirat');
const unlinkat = numberOf('unlinkat');
const renameat2 = numberOf('renameat2');
const linkat = numberOf('linkat');
const mknodat = numberOf('mknodat');

type Path = string | number;

/** Calls that make, remove and move names in directories: by the Sentry, in the directory that it found, with the caller's rights. */
export const entryCalls: Handlers = {
  mkdir: (call, kernel) => mkdir(call, kernel, kernel.pathOf(call, 0), call.arg(1)),
  mkdirat: (call, kernel) => mkdir(call, kernel, kernel.pathOf(call, 1, 0), call.arg(2)),
  rmdir: (call, kernel) => unlink(call, kernel, kernel.pathOf(call, 0), AT_REMOVEDIR),
  unlink: (call, kernel) => unlink(call, kernel, kernel.pathOf(call, 0), 0),
  unlinkat: (call, kernel) => unlink(call, kernel, kernel.pathOf(call, 1, 0), call.int(2)),
  rename: (call, kernel) => rename(call, kernel, kernel.pathOf(call, 0), kernel.pathOf(call, 1), 0),
  renameat: (call, kernel) => rename(call, kernel, kernel.pathOf(call, 1, 0), kernel.pathOf(call, 3, 2), 0),
  renameat2: (call, kernel) => rename(call, kernel, kernel.pathOf(call, 1, 0), kernel.pathOf(call, 3, 2), call.int(4)),
  link: (call, kernel) => link(call, kernel, kernel.pathOf(call, 0), kernel.pathOf(call, 1), 0),
  linkat: (call, kernel) => link(call, kernel, kernel.pathOf(call, 1, 0), kernel.pathOf(call, 3, 2), call.int(4)),
  symlink: (call, kernel) => symlink(call, kernel, kernel.memory.path(call.tid, call.arg(0)), kernel.pathOf(call, 1)),
  symlinkat: (call, kernel) => symlink(call, kernel, kernel.memory.path(call.tid, call.arg(0)), kernel.pathOf(call, 2, 1)),
  mknod: (call, kernel) => mknod(call, kernel, kernel.pathOf(call, 0), call.arg(1)),
  mknodat: (call, kernel) => mknod(call, kernel, kernel.pathOf(call, 1, 0), call.arg(2)),
};

function mkdir(call: SystemCall, kernel: Kernel, path: Path, mode: number): number {
  return kernel.within(call, path, ({ directory, name }, { umask }) => atCall(mkdirat, directory, name, mode & 0o7777 & ~umask));
}

function unlink(call: SystemCall, kernel: Kernel, path: Path, flags: number): number {
  return kernel.within(call, path, (entry) => (isMountPoint(entry) ? -EBUSY : atCall(unlinkat, entry.directory, entry.name, flags)));
}

function rename(call: SystemCall, kernel: Kernel, from: Path, to: Path, flags: number): number {
  return between(call, kernel, from, to, false, (source, target) =>
    isMountPoint(source) || isMountPoint(target) ? -EBUSY : pairCall(renameat2, source, target, flags),
  );
}

/** A link to a directory or a descriptor has no path to look at, and is refused. */
function link(call: SystemCall, kernel: Kernel, from: Path, to: Path, flags: number): number {
  if (flags & ~AT_SYMLINK_FOLLOW) return -EINVAL;
  return between(call, kernel, from, to, (flags & AT_SYMLINK_FOLLOW) !== 0, (source, target) => pairCall(linkat, source, target));
}

function between(
  call: SystemCall,
  kernel: Kernel,
  from: Path,
  to: Path,
  follow: boolean,
  work: (source: NameIn, target: NameIn) => number,
): number {
  if (typeof from === 'number') return from;
  if (typeof to === 'number') return to;
  return kernel.within(call, from, (source) => kernel.within(call, to, (target) => work(source, target)), follow);
}

/** The target is kept as it is: where it leads is looked at whenever somebody follows it. */
function symlink(call: SystemCall, kernel: Kernel, target: Path, path: Path): number {
  if (typeof target === 'number') return target;
  return kernel.within(call, path, (entry) => makeLink(target, entry));
}

/** Regular files and pipes; devices are nobody's to make. */
function mknod(call: SystemCall, kernel: Kernel, path: Path, mode: number): number {
  const type = mode & S_IFMT || S_IFREG;
  if (type !== S_IFREG && type !== S_IFIFO) return -EPERM;
  return kernel.within(call, path, ({ directory, name }, { umask }) =>
    atCall(mknodat, directory, name, type | (mode & 0o7777 & ~umask), 0),
  );
}
