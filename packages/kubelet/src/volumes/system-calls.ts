import { createRequire } from 'node:module';
import { PluginError } from '@berth/sdk/errors';

/** How `openBelow` treats the path. */
interface OpenOptions {
  /** Only a directory will do. */
  directory?: boolean;
  /** No symbolic link may be part of the path, not even one that stays inside. */
  noSymlinks?: boolean;
}

/** Linux system calls for volumes that Node doesn't have; they work where this process may mount. */
interface SystemCalls {
  /**
   * Opens a path below the directory of a descriptor for what can be done without reading it (O_PATH). Symbolic links are followed as long
   * as they stay below; one that leads out, `..` past the top and links of procfs are refused with PERMISSION_DENIED, by the kernel, so that
   * nobody can win a race. Undefined where nothing is. No child inherits the descriptor.
   */
  openBelow(directory: number, path: string, options?: OpenOptions): number | undefined;
  /** Makes a directory in that of a descriptor; false where its name is taken. */
  makeDirectory(directory: number, name: string, mode: number): boolean;
  mount(source: string, target: string, type: string, flags: number, data: string): void;
  /** Unmounts the last of what is mounted at a path, not following a symbolic link; false where nothing is. The kernel may take its time. */
  unmount(target: string): Promise<boolean>;
}

/** Flag of mount(2): another place for what is there already. */
export const MS_BIND = 4096;

const SYS_openat2 = 437;
const O_DIRECTORY = process.arch === 'arm64' ? 0o40000 : 0o200000;
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const RESOLVE_NO_MAGICLINKS = 2;
const RESOLVE_NO_SYMLINKS = 4;
const RESOLVE_BENEATH = 8;
const UMOUNT_NOFOLLOW = 8;
/** openat2 gives up when a directory is renamed under way; who renames on and on must not hold us up. */
const mostTries = 100;

let loaded: SystemCalls | undefined;

/** The system calls; libc is loaded at the first use, since a node without containers never needs it. */
export function systemCalls(): SystemCalls {
  loaded ??= load();
  return loaded;
}

function load(): SystemCalls {
  if (process.platform !== 'linux') {
    throw new PluginError('UNIMPLEMENTED', `it works on Linux only, and this is ${process.platform}`, { object: 'mounting' });
  }
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const library = koffi.load(null);
  const openat2 = library.func('long syscall(long number, int directory, const char *path, const uint64_t *how, size_t size)');
  const mkdirat = library.func('int mkdirat(int directory, const char *path, uint mode)');
  const mountCall = library.func(
    'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
  );
  const umount2 = library.func('int umount2(const char *target, int flags)');
  const { EAGAIN, EEXIST, EINVAL, ELOOP, ENOENT, ENOTDIR, EXDEV } = koffi.os.errno;

  const failed = (call: string, object: string): PluginError => {
    const errno = koffi.errno();
    const name = Object.entries(koffi.os.errno).find(([, number]) => number === errno)?.[0] ?? String(errno);
    return PluginError.from(Object.assign(new Error(`${call} failed with ${name}`), { code: name }), 'INTERNAL', { object });
  };

  return {
    openBelow(directory, path, { directory: only = false, noSymlinks = false } = {}) {
      const flags = O_PATH | O_CLOEXEC | (only ? O_DIRECTORY : 0);
      const resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | (noSymlinks ? RESOLVE_NO_SYMLINKS : 0);
      // struct open_how: flags, mode, resolve.
      const how = new BigUint64Array([BigInt(flags), 0n, BigInt(resolve)]);
      for (let tries = 0; tries < mostTries; tries++) {
        const descriptor = Number(openat2(SYS_openat2, directory, path, how, how.byteLength));
        if (descriptor >= 0) return descriptor;
        const errno = koffi.errno();
        if (errno === ENOENT) return undefined;
        if (errno === EXDEV) throw new PluginError('PERMISSION_DENIED', 'it leads out of the volume', { object: path });
        if (errno === ELOOP) throw new PluginError('PERMISSION_DENIED', 'it has a symbolic link where none may be', { object: path });
        if (errno === ENOTDIR) throw new PluginError('FAILED_PRECONDITION', 'not a directory', { object: path });
        if (errno !== EAGAIN) throw failed('openat2', path);
      }
      throw new PluginError('ABORTED', 'it is being changed all the time', { object: path });
    },
    makeDirectory(directory, name, mode) {
      if (mkdirat(directory, name, mode) === 0) return true;
      if (koffi.errno() === EEXIST) return false;
      throw failed('mkdirat', name);
    },
    mount(source, target, type, flags, data) {
      if (mountCall(source, target, type, flags, data) !== 0) throw failed(`mount of ${type || source}`, target);
    },
    async unmount(target) {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      umount2.async(target, UMOUNT_NOFOLLOW, (error: Error | null, result: number) => (error ? reject(error) : resolve(result)));
      if ((await promise) === 0) return true;
      // errno is a thread's own: the call that fails is made again by this one, which can read it.
      if (umount2(target, UMOUNT_NOFOLLOW) === 0) return true;
      const errno = koffi.errno();
      if (errno === EINVAL || errno === ENOENT) return false;
      throw failed('umount', target);
    },
  };
}
