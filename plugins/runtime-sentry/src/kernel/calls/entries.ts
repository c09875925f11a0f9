import { EBUSY, EINVAL, EPERM } from '../errno.ts';
import {
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  atCall,
  isMountPoint,
  linkFound,
  makeLink,
  pairCall,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from '../files/host-files.ts';
import type { Kernel } from '../kernel.ts';
import type { SystemCall } from '../notifications.ts';
import { numberOf } from '../syscall-numbers.ts';
import type { Handlers } from './handler.ts';

const mkdirat = numberOf('mkdirat');
const unlinkat = numberOf('unlinkat');
const renameat2 = numberOf('renameat2');
const mknodat = numberOf('mknodat');

type Path = string | number;

/** Calls that make, remove and move names in directories: by the Sentry, in the directory that it found, with the caller's rights. */
export const entryCalls: Handlers = {
  mkdir: (call, kernel) => mkdir(call, kernel, kernel.pathOf(call, 0), call.int(1)),
  mkdirat: (call, kernel) => mkdir(call, kernel, kernel.pathOf(call, 1, 0), call.int(2)),
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
  mknod: (call, kernel) => mknod(call, kernel, kernel.pathOf(call, 0), call.int(1)),
  mknodat: (call, kernel) => mknod(call, kernel, kernel.pathOf(call, 1, 0), call.int(2)),
};

function mkdir(call: SystemCall, kernel: Kernel, path: Path, mode: number): number {
  return kernel.make(call, path, mode, ({ directory, name }, masked) => atCall(mkdirat, directory, name, masked));
}

function unlink(call: SystemCall, kernel: Kernel, path: Path, flags: number): number {
  return kernel.within(call, path, (entry) => (isMountPoint(entry) ? -EBUSY : atCall(unlinkat, entry.directory, entry.name, flags)));
}

function rename(call: SystemCall, kernel: Kernel, from: Path, to: Path, flags: number): number {
  return kernel.within(call, from, (source) =>
    kernel.within(call, to, (target) =>
      isMountPoint(source) || isMountPoint(target) ? -EBUSY : pairCall(renameat2, source, target, flags),
    ),
  );
}

/** What was found is linked, not what is by that name a moment later. A descriptor without a path (AT_EMPTY_PATH) is refused. */
function link(call: SystemCall, kernel: Kernel, from: Path, to: Path, flags: number): number {
  if (flags & ~AT_SYMLINK_FOLLOW) return -EINVAL;
  return kernel.at(call, from, (flags & AT_SYMLINK_FOLLOW) !== 0, (found) =>
    found.kind === 'proc' ? -EPERM : kernel.within(call, to, (target) => linkFound(found.at, target)),
  );
}

/** The target is kept as it is: where it leads is looked at whenever somebody follows it. */
function symlink(call: SystemCall, kernel: Kernel, target: Path, path: Path): number {
  if (typeof target === 'number') return target;
  return kernel.within(call, path, (entry) => makeLink(target, entry));
}

/** Types of files that there are, but that aren't made here. */
const fileTypes = new Set([S_IFCHR, S_IFBLK, S_IFDIR, S_IFSOCK]);

/** Regular files and pipes; devices are nobody's to make. */
function mknod(call: SystemCall, kernel: Kernel, path: Path, mode: number): number {
  const type = mode & S_IFMT || S_IFREG;
  if (type !== S_IFREG && type !== S_IFIFO) return fileTypes.has(type) ? -EPERM : -EINVAL;
  return kernel.make(call, path, mode, ({ directory, name }, masked) => atCall(mknodat, directory, name, type | masked, 0));
}
