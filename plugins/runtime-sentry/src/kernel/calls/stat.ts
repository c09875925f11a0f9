import { EINVAL } from '../errno.ts';
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  atCall,
  identityOf,
  linkTarget,
  S_IFLNK,
  S_IFMT,
  statfsOf,
  statOf,
} from '../files/host-files.ts';
import type { Kernel } from '../kernel.ts';
import type { SystemCall } from '../notifications.ts';
import { numberOf } from '../syscall-numbers.ts';
import type { Handlers } from './handler.ts';

const faccessat2 = numberOf('faccessat2');
const AT_EACCESS = 0x200;
const AT_NO_AUTOMOUNT = 0x800;
const AT_STATX_SYNC_TYPE = 0x6000;
const statFlags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE;

/** What is asked about a path. statx is left to libc, which does without it. */
export const statCalls: Handlers = {
  stat: (call, kernel) => stat(call, kernel, kernel.pathOf(call, 0), call.arg(1), true),
  lstat: (call, kernel) => stat(call, kernel, kernel.pathOf(call, 0), call.arg(1), false),
  newfstatat: (call, kernel) => {
    const flags = call.int(3);
    if (flags & ~statFlags) return -EINVAL;
    if (flags & AT_EMPTY_PATH && kernel.memory.path(call.tid, call.arg(1)) === '') {
      return kernel.store(call, call.arg(2), kernel.withDescriptor(call, call.int(0), statOf));
    }
    return stat(call, kernel, kernel.pathOf(call, 1, 0), call.arg(2), (flags & AT_SYMLINK_NOFOLLOW) === 0);
  },
  access: (call, kernel) => access(call, kernel, kernel.pathOf(call, 0), call.int(1), true),
  faccessat: (call, kernel) => access(call, kernel, kernel.pathOf(call, 1, 0), call.int(2), true),
  faccessat2: (call, kernel) => {
    const flags = call.int(3);
    if (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
    return access(call, kernel, kernel.pathOf(call, 1, 0), call.int(2), (flags & AT_SYMLINK_NOFOLLOW) === 0);
  },
  readlink: (call, kernel) => readlink(call, kernel, kernel.pathOf(call, 0), call.arg(1), call.int(2)),
  readlinkat: (call, kernel) => readlink(call, kernel, kernel.pathOf(call, 1, 0), call.arg(2), call.int(3)),
  statfs: (call, kernel) => {
    const result = kernel.at(call, kernel.pathOf(call, 0), true, (found) =>
      found.kind === 'proc' ? kernel.proc.statfs() : statfsOf(found.at),
    );
    return kernel.store(call, call.arg(1), result);
  },
};

function stat(call: SystemCall, kernel: Kernel, path: string | number, address: number, follow: boolean): number {
  const result = kernel.at(call, path, follow, (found, task) =>
    found.kind === 'proc' ? kernel.proc.stat(found.path, task) : statOf(found.at),
  );
  return kernel.store(call, address, result);
}

/** The real ids count here, not the effective ones; under the Sentry they are the same unless a program changes them. */
function access(call: SystemCall, kernel: Kernel, path: string | number, mode: number, follow: boolean): number {
  return kernel.at(call, path, follow, (found, task) =>
    found.kind === 'proc' ? kernel.proc.access(found.path, mode, task) : atCall(faccessat2, found.at, '', mode, AT_EMPTY_PATH | AT_EACCESS),
  );
}

function readlink(call: SystemCall, kernel: Kernel, path: string | number, address: number, size: number): number {
  if (size <= 0) return -EINVAL;
  const target = kernel.at<string | number>(call, path, false, (found, task) => {
    if (found.kind === 'proc') return kernel.proc.linkText(found.path, task);
    const identity = identityOf(found.at);
    if (typeof identity === 'number') return identity;
    return (identity.mode & S_IFMT) === S_IFLNK ? linkTarget(found.at, '') : -EINVAL;
  });
  if (typeof target === 'number') return target;
  const bytes = Buffer.from(target, 'latin1').subarray(0, size);
  return kernel.memory.write(call.tid, address, bytes) || bytes.length;
}
