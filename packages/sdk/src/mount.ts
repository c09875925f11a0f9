import { closeSync, openSync } from 'node:fs';
import { unlessAborted } from './abort.ts';
import { atFirstUse, libc } from './libc.ts';

interface MountCalls {
  mount(source: string, place: string, type: string, flags: number, data: string): void;
  /** False where nothing is mounted at the place. */
  unmount(place: string): Promise<boolean>;
  /** Does `work` in the directory of an open descriptor. */
  inDirectory(descriptor: number, work: () => void): void;
}

/** Flags of mount(2). */
export const mountFlags = { readonly: 1, nosuid: 2, nodev: 4, noexec: 8, bind: 4096 } as const;

interface MountOptions {
  /** A file system's name; left out for a bind mount. */
  type?: string;
  flags?: (keyof typeof mountFlags)[];
  /** The file system's own options, in the form of mount(8)'s `-o`. */
  data?: string;
  /** What relative paths in `data` are relative to. */
  directory?: string;
}

const UMOUNT_NOFOLLOW = 8;

const mountCalls: () => MountCalls = atFirstUse(bind);

/** mount(2). Synchronous: it takes a fraction of a millisecond, and a program that does it several. */
export function mount(source: string, place: string, { type = '', flags = [], data = '', directory }: MountOptions): void {
  const calls = mountCalls();
  const bits = flags.reduce((sum, flag) => sum | mountFlags[flag], 0);
  const make = (): void => calls.mount(source, place, type, bits, data);
  if (directory === undefined) {
    make();
    return;
  }
  const descriptor = openSync(directory, 'r');
  try {
    calls.inDirectory(descriptor, make);
  } finally {
    closeSync(descriptor);
  }
}

/** Unmounts what is mounted at a path (the last of it); false where nothing is. A symbolic link is not followed. */
export async function unmount(place: string, signal: AbortSignal): Promise<boolean> {
  return unlessAborted(mountCalls().unmount(place), signal);
}

function bind(): MountCalls {
  const { koffi, library, failed } = libc();
  const mountCall = library.func(
    'int mount(const char *source, const char *place, const char *type, unsigned long flags, const char *data)',
  );
  const unmountCall = library.func('int umount2(const char *place, int flags)');
  const fchdir = library.func('int fchdir(int descriptor)');
  const { EINVAL, ENOENT } = koffi.os.errno;

  return {
    mount(source, place, type, flags, data) {
      if (mountCall(source, place, type, flags, data) !== 0) throw failed(`mount of ${type || source}`, place);
    },
    async unmount(place) {
      // errno is a thread's own: the call that fails is made again by this one, which can read it.
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      unmountCall.async(place, UMOUNT_NOFOLLOW, (error: Error | null, result: number) => (error ? reject(error) : resolve(result)));
      if ((await promise) === 0) return true;
      if (unmountCall(place, UMOUNT_NOFOLLOW) === 0) return true;
      if ([EINVAL, ENOENT].includes(koffi.errno())) return false;
      throw failed('umount', place);
    },
    inDirectory(descriptor, work) {
      const own = openSync('.', 'r');
      try {
        if (fchdir(descriptor) !== 0) throw failed('fchdir', `file descriptor ${descriptor}`);
        try {
          work();
        } finally {
          // Elsewhere this process would take relative paths for others.
          if (fchdir(own) !== 0) process.abort();
        }
      } finally {
        closeSync(own);
      }
    },
  };
}
