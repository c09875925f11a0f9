import { readdirSync, readFileSync, writeSync } from 'node:fs';
import { EACCES, ENAMETOOLONG } from '../errno.ts';
import { Area, type HostArgument, hostCall } from '../host-calls.ts';
import { numberOf } from '../syscall-numbers.ts';

// asm-generic/fcntl.h, linux/openat2.h, linux/fcntl.h, linux/stat.h, linux/magic.h
export const O_ACCMODE = 3;
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_NOCTTY = 0o400;
export const O_TRUNC = 0o1000;
export const O_NONBLOCK = 0o4000;
export const O_DIRECTORY = 0o200000;
export const O_NOFOLLOW = 0o400000;
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;
export const O_TMPFILE = 0o20000000;
/** What there is: any other flag open and openat don't look at, where openat2 refuses it. */
export const VALID_OPEN_FLAGS = 0o37777703;
export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;
export const AT_SYMLINK_FOLLOW = 0x400;
export const AT_EMPTY_PATH = 0x1000;
export const SEEK_SET = 0;
export const SEEK_CUR = 1;
export const S_IFMT = 0o170000;
export const S_IFIFO = 0o010000;
export const S_IFCHR = 0o020000;
export const S_IFDIR = 0o040000;
export const S_IFBLK = 0o060000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;
export const S_IFSOCK = 0o140000;
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_NO_SYMLINKS = 0x04;
const RESOLVE_IN_ROOT = 0x10;
const PATH_MAX = 4096;
const PROC_SUPER_MAGIC = 0x9fa0;
const PIPEFS_MAGIC = 0x5049_5045;

/** Offsets in struct stat of amd64, which is 144 bytes long. */
const stat = { size: 144, device: 0, inode: 8, mode: 24, rdev: 40 };

const openat2 = numberOf('openat2');
const openat = numberOf('openat');
const close = numberOf('close');
const newfstatat = numberOf('newfstatat');
const fstatfs = numberOf('fstatfs');
const readlinkat = numberOf('readlinkat');

const faccessat = numberOf('faccessat');
const pidfd_open = numberOf('pidfd_open');
const pidfd_getfd = numberOf('pidfd_getfd');
const lseek = numberOf('lseek');
const statx = numberOf('statx');
/** stx_attributes in struct statx. */
const attributesOffset = 8;
const STATX_ATTR_MOUNT_ROOT = 0x2000;

const memfd_create = numberOf('memfd_create');
const fchmod = numberOf('fchmod');
const linkat = numberOf('linkat');
const symlinkat = numberOf('symlinkat');
const MFD_CLOEXEC = 1;

const how = new Area(24);
const name = new Area(8192);
const otherName = new Area(8192);
const buffer = new Area(8192);

/** A name in a directory that is open. */
export interface NameIn {
  directory: number;
  /** As the last step of a path: perhaps `.` or `..`, or with a slash behind it. Only for calls that don't follow links there. */
  name: string;
}

/** What an open descriptor is, as fstat tells. */
interface FileIdentity {
  device: number;
  inode: number;
  mode: number;
  /** Of a device node: the device it stands for. */
  rdev: number;
}

/**
 * Opens `path` below the directory `root` as its root directory: neither `..` nor a link leads out. No symbolic link at all is
 * followed, ELOOP instead: where one may lead is looked at by `Paths`. Gives a descriptor, or an errno.
 */
export function openInRoot(root: number, path: string, flags: number, mode = 0): number {
  // More wouldn't fit into memory here, and is too long for the kernel too.
  if (path.length >= PATH_MAX) return -ENAMETOOLONG;
  how.setUint64(0, flags | O_CLOEXEC);
  how.setUint64(8, mode);
  how.setUint64(16, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS);
  return hostCall(openat2, root, name.text(path), how.address, 24);
}

/** Opens what a descriptor of this process refers to once more, with other flags. */
export function reopen(descriptor: number, flags: number): number {
  return hostCall(openat, AT_FDCWD, name.text(descriptorPath(descriptor)), flags | O_CLOEXEC, 0);
}

/** Opens a path of the host; only for paths that the Sentry made up itself. */
export function openHost(path: string, flags: number, directory = AT_FDCWD): number {
  return hostCall(openat, directory, name.text(path), flags | O_CLOEXEC, 0);
}

/** Whether a directory has something by this name. */
export function exists(directory: number, entryName: string): boolean {
  return hostCall(faccessat, directory, name.text(entryName), 0) === 0;
}

/** The names in a directory of the host; or an errno. */
export function namesIn(path: string): string[] | number {
  try {
    return readdirSync(path);
  } catch (error) {
    return (error as NodeJS.ErrnoException).errno ?? -EACCES;
  }
}

/** The content of a file of the host; or an errno. */
export function contentOf(path: string, directory = AT_FDCWD): Buffer | number {
  const descriptor = openHost(path, O_RDONLY, directory);
  if (descriptor < 0) return descriptor;
  try {
    return readFileSync(descriptor);
  } catch (error) {
    return (error as NodeJS.ErrnoException).errno ?? -EACCES;
  } finally {
    closeDescriptor(descriptor);
  }
}

export function closeDescriptor(descriptor: number): void {
  hostCall(close, descriptor);
}

/** A descriptor for the open file that a process has as `descriptor`: the same, with its offset; or an errno. */
export function shareDescriptor(process: number, descriptor: number): number {
  const pidfd = hostCall(pidfd_open, process, 0);
  if (pidfd < 0) return pidfd;
  const shared = hostCall(pidfd_getfd, pidfd, descriptor, 0);
  closeDescriptor(pidfd);
  return shared;
}

/** lseek. */
export function seek(descriptor: number, offset: number, whence: number): number {
  return hostCall(lseek, descriptor, offset, whence);
}

/** The path by which this process can name what one of its descriptors refers to. */
export function descriptorPath(descriptor: number): string {
  return `/proc/self/fd/${descriptor}`;
}

/** struct stat of an open descriptor, valid until the next call; or an errno. */
export function statOf(descriptor: number): Buffer | number {
  const result = hostCall(newfstatat, descriptor, name.text(''), buffer.address, AT_EMPTY_PATH);
  return result < 0 ? result : buffer.bytes.subarray(0, stat.size);
}

export function identityOf(descriptor: number): FileIdentity | number {
  const bytes = statOf(descriptor);
  if (typeof bytes === 'number') return bytes;
  return {
    device: buffer.getUint64(stat.device),
    inode: buffer.getUint64(stat.inode),
    mode: buffer.view.getUint32(stat.mode, true),
    rdev: buffer.getUint64(stat.rdev),
  };
}

/** Whether something is on a proc file system. */
export function isOnProc(descriptor: number): boolean {
  return isOn(PROC_SUPER_MAGIC, descriptor);
}

/** Whether something is a pipe without a name. */
export function isAnonymousPipe(descriptor: number): boolean {
  return isOn(PIPEFS_MAGIC, descriptor);
}

function isOn(fileSystem: number, descriptor: number): boolean {
  return hostCall(fstatfs, descriptor, buffer.address) === 0 && buffer.getUint64(0) === fileSystem;
}

/** Whether a name is that of a directory itself, or of the one above it. */
export function isDots(entryName: string): boolean {
  return entryName === '.' || entryName === '..';
}

/**
 * Whether a name in a directory is a mount point: to this process, in another mount namespace, the kernel doesn't say so by EBUSY. `.` and
 * `..` are none: the kernel refuses them whatever they are.
 */
export function isMountPoint({ directory, name: entryName }: NameIn): boolean {
  // With the slash, a link would be followed.
  const plainName = entryName.replace(/\/$/, '');
  if (isDots(plainName)) return false;
  const result = hostCall(statx, directory, name.text(plainName), AT_SYMLINK_NOFOLLOW, 0, buffer.address);
  return result === 0 && (buffer.view.getUint32(attributesOffset, true) & STATX_ATTR_MOUNT_ROOT) !== 0;
}

/** struct statfs, valid until the next call; or an errno. */
export function statfsOf(descriptor: number): Buffer | number {
  const result = hostCall(fstatfs, descriptor, buffer.address);
  return result < 0 ? result : buffer.bytes.subarray(0, 120);
}

/** The target of the symbolic link at `path` from `directory` (`''`: of the link that is `directory`); or an errno. */
export function linkTarget(directory: number, path: string): string | number {
  const length = hostCall(readlinkat, directory, name.text(path), buffer.address, 4096);
  return length < 0 ? length : buffer.bytes.toString('latin1', 0, length);
}

/** A call that takes a directory and a name in it. `after` is what follows them. */
export function atCall(number: number, directory: number, path: string, ...after: number[]): number {
  return hostCall(number, directory, name.text(path), ...after);
}

/** A call that takes two names, each in a directory. */
export function pairCall(number: number, from: NameIn, to: NameIn, flags = 0): number {
  return hostCall(number, from.directory, name.text(from.name), to.directory, otherName.text(to.name), flags);
}

/** linkat, of what a descriptor refers to. */
export function linkFound(descriptor: number, to: NameIn): number {
  const from = name.text(descriptorPath(descriptor));
  return hostCall(linkat, AT_FDCWD, from, to.directory, otherName.text(to.name), AT_SYMLINK_FOLLOW);
}

/** symlinkat: the text of a link comes first, and is no path to anybody yet. */
export function makeLink(target: string, { directory, name: linkName }: NameIn): number {
  return hostCall(symlinkat, name.text(target), directory, otherName.text(linkName));
}

/** A call that takes a path, with that of what a descriptor refers to. */
export function pathCall(number: number, descriptor: number, ...after: HostArgument[]): number {
  return hostCall(number, name.text(descriptorPath(descriptor)), ...after);
}

/** A descriptor, open for reading only, of a file that is nowhere and has this content; or an errno. */
export function contentFile(title: string, content: Uint8Array): number {
  const made = hostCall(memfd_create, name.text(title), MFD_CLOEXEC);
  if (made < 0) return made;
  try {
    for (let written = 0; written < content.length; ) written += writeSync(made, content, written);
    hostCall(fchmod, made, 0o444);
    return reopen(made, 0);
  } finally {
    closeDescriptor(made);
  }
}
