import { closeSync, constants, openSync } from 'node:fs';
import { joinDeviceNumber } from '@berth/sdk/device-number';
import { PluginError } from '@berth/sdk/errors';
import { atFirstUse, libc } from '@berth/sdk/libc';

/** Linux system calls that a shim needs and Node doesn't have. Each throws a PluginError with errno's name. */
interface Syscalls {
  /** Takes the whole-file lock of an open descriptor; false if another descriptor holds it. It goes with the descriptor. */
  tryLock(descriptor: number, kind?: 'shared' | 'exclusive'): boolean;
  /** A pipe whose ends no child inherits, unless it is given one. */
  pipe(): { read: number; write: number };
  /** Resolves when everything written to the descriptor's file system is on disk. */
  syncFilesystem(descriptor: number): Promise<void>;
  /** `mode` holds the type bits (S_IFCHR, S_IFBLK, S_IFIFO) and permissions. */
  mknod(path: string, mode: number, major: number, minor: number): void;
  /** Sets an extended attribute of the file itself, not of what a symbolic link points to. */
  setAttribute(path: string, name: string, value: Uint8Array): void;
  /** Undefined where the attribute isn't set. */
  getAttribute(path: string, name: string): Uint8Array | undefined;
  /** From here on, memory in large blocks goes back to the kernel when it is freed (mallopt(3), M_MMAP_THRESHOLD); glibc only. */
  returnLargeBlocks(): void;
  /** Names of the extended attributes of the file itself that this process may see. */
  listAttributes(path: string): string[];
  /** Lets new subdirectories start in parts of the disk of their own (`chattr +T`); does nothing on a file system that knows no such thing. */
  spreadDirectories(directory: string): void;
  /** Puts the calling thread into the network namespace of an open descriptor; false if it is of no such namespace. */
  enterNetworkNamespace(descriptor: number): boolean;
  /** Mounts a copy of the tree at `source` at `place`, its ids mapped by the user namespace of an open descriptor. */
  mountIdmapped(source: string, place: string, userNamespace: number): void;
}

const LOCK_SH_NB = 1 | 4;
const LOCK_EX_NB = 2 | 4;
const O_CLOEXEC = 0o2000000;
const EAGAIN = 11;
const EINVAL = 22;
const ENODATA = 61;
const CLONE_NEWNET = 0x40000000;
const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const AT_RECURSIVE = 0x8000;
const OPEN_TREE_CLONE = 1;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const M_MMAP_THRESHOLD = -3;
/** Half of what a socket or a file is read in; in bytes. */
const largeBlock = 32 * 1024;
const FS_IOC_GETFLAGS = 0x80086601;
const FS_IOC_SETFLAGS = 0x40086602;
const FS_TOPDIR_FL = 0x20000;
const MOUNT_ATTR_IDMAP = 0x100000n;

/** Numbers of calls that C libraries don't have yet; from 424 on they are the same for all architectures. */
const numbers = { open_tree: 428, move_mount: 429, mount_setattr: 442 };

/** Bound at their first use: a shim whose images are only names never pays for it, and runs where there is none. */
export const syscalls: () => Syscalls = atFirstUse(load);

function load(): Syscalls {
  const { koffi, library, failed } = libc();
  const flock = library.func('int flock(int fd, int operation)');
  const pipe2 = library.func('int pipe2(_Out_ int *descriptors, int flags)');
  const syncfs = library.func('int syncfs(int fd)');
  const mknod = library.func('int mknod(const char *path, uint mode, uint64_t device)');
  const lsetxattr = library.func('int lsetxattr(const char *path, const char *name, const uint8_t *value, size_t size, int flags)');
  const lgetxattr = library.func('long lgetxattr(const char *path, const char *name, _Out_ uint8_t *value, size_t size)');
  const llistxattr = library.func('long llistxattr(const char *path, _Out_ uint8_t *names, size_t size)');
  const ioctlFlags = library.func('int ioctl(int fd, unsigned long request, _Inout_ int *flags)');
  const mallopt = optional(() => library.func('int mallopt(int parameter, int value)'));
  const setns = library.func('int setns(int fd, int type)');
  const openTree = library.func('long syscall(long number, int fd, const char *path, uint flags)');
  const setMountAttributes = library.func(
    'long syscall(long number, int fd, const char *path, uint flags, const uint64_t *attributes, size_t size)',
  );
  const moveMount = library.func('long syscall(long number, int from, const char *source, int to, const char *place, uint flags)');

  return {
    tryLock(descriptor, kind = 'exclusive') {
      if (flock(descriptor, kind === 'shared' ? LOCK_SH_NB : LOCK_EX_NB) === 0) return true;
      if (koffi.errno() === EAGAIN) return false;
      throw failed('flock', `file descriptor ${descriptor}`);
    },
    pipe() {
      const descriptors = new Int32Array(2);
      if (pipe2(descriptors, O_CLOEXEC) !== 0) throw failed('pipe2', 'file descriptors');
      return { read: descriptors[0] as number, write: descriptors[1] as number };
    },
    async syncFilesystem(descriptor) {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      syncfs.async(descriptor, (error: Error | null, result: number) => (error ? reject(error) : resolve(result)));
      if ((await promise) !== 0)
        throw new PluginError('DATA_LOSS', 'syncfs failed', {
          object: 'file system of the images',
          hint: 'look into the kernel log (dmesg)',
        });
    },
    mknod(path, mode, major, minor) {
      if (mknod(path, mode, joinDeviceNumber({ major, minor })) !== 0) throw failed('mknod', path);
    },
    setAttribute(path, name, value) {
      if (lsetxattr(path, name, value, value.length, 0) !== 0) throw failed(`setting ${name}`, path);
    },
    getAttribute(path, name) {
      const value = new Uint8Array(64 * 1024);
      const size = lgetxattr(path, name, value, value.length);
      if (size >= 0) return value.subarray(0, size);
      if (koffi.errno() === ENODATA) return undefined;
      throw failed(`reading ${name}`, path);
    },
    returnLargeBlocks() {
      mallopt?.(M_MMAP_THRESHOLD, largeBlock);
    },
    listAttributes(path) {
      if (llistxattr(path, null, 0) === 0) return [];
      const names = new Uint8Array(64 * 1024);
      const size = llistxattr(path, names, names.length);
      if (size < 0) throw failed('listing extended attributes', path);
      return Buffer.from(names.subarray(0, size)).toString().split('\0').filter(Boolean);
    },
    spreadDirectories(directory) {
      const descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
      try {
        const flags = new Int32Array(1);
        if (ioctlFlags(descriptor, FS_IOC_GETFLAGS, flags) !== 0) return;
        flags[0] = (flags[0] ?? 0) | FS_TOPDIR_FL;
        ioctlFlags(descriptor, FS_IOC_SETFLAGS, flags);
      } finally {
        closeSync(descriptor);
      }
    },
    enterNetworkNamespace(descriptor) {
      if (setns(descriptor, CLONE_NEWNET) === 0) return true;
      if (koffi.errno() === EINVAL) return false;
      throw failed('setns', `file descriptor ${descriptor}`);
    },
    mountIdmapped(source, place, userNamespace) {
      const tree = Number(openTree(numbers.open_tree, AT_FDCWD, source, OPEN_TREE_CLONE | AT_RECURSIVE | O_CLOEXEC));
      if (tree < 0) throw failed('open_tree', source);
      try {
        // struct mount_attr: what to set, what to clear, propagation, user namespace.
        const attributes = new BigUint64Array([MOUNT_ATTR_IDMAP, 0n, 0n, BigInt(userNamespace)]);
        const set = setMountAttributes(numbers.mount_setattr, tree, '', AT_EMPTY_PATH | AT_RECURSIVE, attributes, attributes.byteLength);
        if (set !== 0) throw failed('mapping the ids (mount_setattr)', source);
        if (moveMount(numbers.move_mount, tree, '', AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH) !== 0) throw failed('move_mount', place);
      } finally {
        closeSync(tree);
      }
    },
  };
}

/** Undefined where the C library lacks it. */
function optional<Call>(bind: () => Call): Call | undefined {
  try {
    return bind();
  } catch {
    return undefined;
  }
}
