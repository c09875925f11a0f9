import { PluginError } from '@berth/sdk/errors';
import { atFirstUse, libc } from '@berth/sdk/libc';

/** How `openBelow` treats the path. */
interface OpenOptions {
  /** Only a directory will do. */
  directory?: boolean;
  /** No symbolic link may be part of the path, not even one that stays inside. */
  noSymlinks?: boolean;
}

/** Linux system calls for volumes that Node doesn't have; they work on Linux. */
interface SystemCalls {
  /**
   * Opens a path below the directory of a descriptor for what can be done without reading it (O_PATH). Symbolic links are followed as long
   * as they stay below; one that leads out, `..` past the top and links of procfs are refused with PERMISSION_DENIED, by the kernel, so that
   * nobody can win a race. Undefined where nothing is. No child inherits the descriptor.
   */
  openBelow(directory: number, path: string, options?: OpenOptions): number | undefined;
  /** Makes a directory in that of a descriptor; false where its name is taken. */
  makeDirectory(directory: number, name: string, mode: number): boolean;
}

const SYS_openat2 = 437;
const O_DIRECTORY = process.arch === 'arm64' ? 0o40000 : 0o200000;
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const RESOLVE_NO_MAGICLINKS = 2;
const RESOLVE_NO_SYMLINKS = 4;
const RESOLVE_BENEATH = 8;
/** openat2 gives up when a directory is renamed under way; who renames on and on must not hold us up. */
const mostTries = 100;

/** Bound at their first use, since a node without containers never needs them. */
export const systemCalls: () => SystemCalls = atFirstUse(bind);

function bind(): SystemCalls {
  const { koffi, library, failed } = libc();
  const openat2 = library.func('long syscall(long number, int directory, const char *path, const uint64_t *how, size_t size)');
  const mkdirat = library.func('int mkdirat(int directory, const char *path, uint mode)');
  const { EAGAIN, EEXIST, ELOOP, ENOENT, ENOTDIR, EXDEV } = koffi.os.errno;

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
  };
}
