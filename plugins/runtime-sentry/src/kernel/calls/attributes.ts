import { EINVAL, EPERM } from '../errno.ts';
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, atCall, descriptorPath, pathCall } from '../files/host-files.ts';
import { Area } from '../host-calls.ts';
import type { Kernel } from '../kernel.ts';
import type { SystemCall } from '../notifications.ts';
import { numberOf } from '../syscall-numbers.ts';
import type { Handlers } from './handler.ts';

const fchmodat = numberOf('fchmodat');
const fchownat = numberOf('fchownat');
const utimensat = numberOf('utimensat');
const truncate = numberOf('truncate');

/** Flags that fchownat and utimensat know. */
const pathFlags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;

/** Two struct timespec: access and modification. */
const timespecs = new Area(32);

type Path = string | number;

/** The forms in which calls take two times: size in bytes, where the second one is, and nanoseconds of a fraction (undefined: it isn't valid). */
const timeForms = {
  utimbuf: { size: 16, second: 8, nanoseconds: () => 0n },
  timeval: { size: 32, second: 16, nanoseconds: (micro: bigint) => (micro >= 0n && micro < 1_000_000n ? micro * 1000n : undefined) },
  // UTIME_NOW and UTIME_OMIT are among them; the kernel knows what is valid.
  timespec: { size: 32, second: 16, nanoseconds: (nano: bigint) => nano },
};

/** Calls that change what a path names: mode, owner, times, length. */
export const attributeCalls: Handlers = {
  chmod: (call, kernel) => chmod(call, kernel, kernel.pathOf(call, 0), call.int(1)),
  fchmodat: (call, kernel) => chmod(call, kernel, kernel.pathOf(call, 1, 0), call.int(2)),
  chown: (call, kernel) => chown(call, kernel, kernel.pathOf(call, 0), call.int(1), call.int(2), true),
  lchown: (call, kernel) => chown(call, kernel, kernel.pathOf(call, 0), call.int(1), call.int(2), false),
  fchownat: (call, kernel) => {
    const flags = call.int(4);
    if (flags & ~pathFlags) return -EINVAL;
    return chown(call, kernel, kernel.pathOf(call, 1, 0), call.int(2), call.int(3), (flags & AT_SYMLINK_NOFOLLOW) === 0);
  },
  truncate: (call, kernel) => {
    const length = call.long(1);
    return length < 0n ? -EINVAL : change(call, kernel, kernel.pathOf(call, 0), true, (at) => pathCall(truncate, at, length));
  },
  utime: (call, kernel) => utimes(call, kernel, kernel.pathOf(call, 0), call.arg(1), 'utimbuf'),
  utimes: (call, kernel) => utimes(call, kernel, kernel.pathOf(call, 0), call.arg(1), 'timeval'),
  futimesat: (call, kernel) => utimes(call, kernel, kernel.pathOf(call, 1, 0), call.arg(2), 'timeval'),
  utimensat: (call, kernel) => {
    const flags = call.int(3);
    if (flags & ~pathFlags) return -EINVAL;
    // Without a path it is about a descriptor that the caller has.
    if (call.arg(1) === 0) return 'continue';
    return utimes(call, kernel, kernel.pathOf(call, 1, 0), call.arg(2), 'timespec', (flags & AT_SYMLINK_NOFOLLOW) === 0);
  },
};

function change(call: SystemCall, kernel: Kernel, path: Path, follow: boolean, work: (at: number) => number): number {
  return kernel.at(call, path, follow, (found) => (found.kind === 'proc' ? -EPERM : work(found.at)));
}

function chmod(call: SystemCall, kernel: Kernel, path: Path, mode: number): number {
  return change(call, kernel, path, true, (at) => atCall(fchmodat, AT_FDCWD, descriptorPath(at), mode & 0o7777));
}

function chown(call: SystemCall, kernel: Kernel, path: Path, uid: number, gid: number, follow: boolean): number {
  return change(call, kernel, path, follow, (at) => atCall(fchownat, at, '', uid, gid, AT_EMPTY_PATH));
}

function utimes(call: SystemCall, kernel: Kernel, path: Path, address: number, form: keyof typeof timeForms, follow = true): number {
  if (address === 0) return change(call, kernel, path, follow, (at) => atCall(utimensat, at, '', 0, AT_EMPTY_PATH));
  const { size, second, nanoseconds } = timeForms[form];
  const given = kernel.memory.read(call.tid, address, size);
  if (typeof given === 'number') return given;
  for (const [at, from] of [
    [0, 0],
    [16, second],
  ] as const) {
    // Of utimbuf the last one has nothing behind it.
    const fraction = nanoseconds(from + 16 <= size ? given.readBigInt64LE(from + 8) : 0n);
    if (fraction === undefined) return -EINVAL;
    given.copy(timespecs.bytes, at, from, from + 8);
    timespecs.view.setBigInt64(at + 8, fraction, true);
  }
  return change(call, kernel, path, follow, (at) => atCall(utimensat, at, '', timespecs.address, AT_EMPTY_PATH));
}
