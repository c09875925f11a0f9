import { closeSync, openSync } from 'node:fs';
import { atFirstUse, libc } from '@berth/sdk/libc';
import { mount } from '@berth/sdk/mount';
import { type NamespaceKind, namespaceNames } from './namespace-names.ts';

/** Kinds that a thread may be given for a moment; a user namespace only takes a process of one thread. */
type ThreadNamespaceKind = Exclude<NamespaceKind, 'user'>;

interface NamespaceCalls {
  /** Gives this thread new namespaces. */
  unshare(flags: number): void;
  /** Puts this thread into the namespace of an open descriptor; false where it can't be. */
  enter(descriptor: number): boolean;
  setHostname(name: string): void;
}

const cloneFlags: Record<ThreadNamespaceKind, number> = { network: 0x40000000, ipc: 0x08000000, uts: 0x04000000 };

const calls: () => NamespaceCalls = atFirstUse(bind);

/**
 * Makes namespaces and pins each at its path, a file, by a bind mount (namespaces(7)); the UTS namespace gets the host name. All of it is
 * one synchronous piece on the main thread, which is back in its own namespaces afterwards.
 */
export function makeNamespaces(pins: Partial<Record<ThreadNamespaceKind, string>>, hostname: string): void {
  const kinds = Object.keys(pins) as ThreadNamespaceKind[];
  const own = kinds.map((kind) => openSync(fileOf(kind), 'r'));
  try {
    calls().unshare(kinds.reduce((flags, kind) => flags | cloneFlags[kind], 0));
    try {
      if (pins.uts !== undefined && hostname) calls().setHostname(hostname);
      for (const kind of kinds) mount(fileOf(kind), pins[kind] as string, { flags: ['bind'] });
    } finally {
      // In the wrong namespace this process would do harm with every connection that it makes.
      for (const descriptor of own) if (!calls().enter(descriptor)) process.abort();
    }
  } finally {
    for (const descriptor of own) closeSync(descriptor);
  }
}

function fileOf(kind: ThreadNamespaceKind): string {
  return `/proc/thread-self/ns/${namespaceNames[kind]}`;
}

function bind(): NamespaceCalls {
  const { library, failed } = libc();
  const unshare = library.func('int unshare(int flags)');
  const setns = library.func('int setns(int descriptor, int type)');
  const sethostname = library.func('int sethostname(const char *name, size_t length)');
  return {
    unshare(flags) {
      if (unshare(flags) !== 0) throw failed('unshare', 'namespaces of a pod');
    },
    enter: (descriptor) => setns(descriptor, 0) === 0,
    setHostname(name) {
      if (sethostname(name, Buffer.byteLength(name)) !== 0) throw failed('sethostname', `host name ${name}`);
    },
  };
}
