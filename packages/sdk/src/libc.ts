import { createRequire } from 'node:module';
import { PluginError } from './errors.ts';

/** The C library of this process, for those who bind calls of their own. */
interface Libc {
  koffi: typeof import('koffi');
  library: import('koffi').LibraryHandle;
  /** What to throw after a call has failed, with the name that its errno has. */
  failed(call: string, object: string): PluginError;
}

/** Loads koffi and libc at its first use: who never calls it needs neither. UNIMPLEMENTED where there is no Linux. */
export const libc: () => Libc = atFirstUse(loadLibc);

/** Gives what `make` makes when it is first asked, and the same from then on. */
export function atFirstUse<Value extends object>(make: () => Value): () => Value {
  let made: Value | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function loadLibc(): Libc {
  if (process.platform !== 'linux') {
    throw new PluginError('UNIMPLEMENTED', `it works on Linux only, and this is ${process.platform}`, {
      object: 'a system call',
      hint: 'run it on Linux; berth runs pods elsewhere with --runtime fake',
    });
  }
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  return {
    koffi,
    library: koffi.load(null),
    failed(call, object) {
      const errno = koffi.errno();
      const name = Object.entries(koffi.os.errno).find(([, number]) => number === errno)?.[0] ?? String(errno);
      return PluginError.from(Object.assign(new Error(`${call} failed with ${name}`), { code: name }), 'INTERNAL', { object });
    },
  };
}
