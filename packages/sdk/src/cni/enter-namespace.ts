import { closeSync, openSync } from 'node:fs';

interface ForeignFunctions {
  dlopen(library: string, symbols: object): { symbols: { setns(descriptor: number, kind: number): number } };
}

const CLONE_NEWNET = 0x40000000;

/**
 * Does `work`, which starts a program, in the network namespace at a path: the program inherits it from this thread, and nsenter(1), which
 * takes 2 ms, isn't needed. Only a Bun executable has a way to the system call; undefined elsewhere, and where it isn't let in.
 */
export function enterNamespace<Result extends object>(netns: string, work: () => Result): Result | undefined {
  if (process.versions.bun === undefined) return undefined;
  const ffi = process.getBuiltinModule('bun:ffi') as unknown as ForeignFunctions;
  const { setns } = ffi.dlopen('libc.so.6', { setns: { args: ['i32', 'i32'], returns: 'i32' } }).symbols;
  const own = openSync('/proc/thread-self/ns/net', 'r');
  try {
    const target = openSync(netns, 'r');
    try {
      if (setns(target, CLONE_NEWNET) !== 0) return undefined;
      try {
        return work();
      } finally {
        // What else this process did would be done in the container.
        if (setns(own, CLONE_NEWNET) !== 0) process.abort();
      }
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(own);
  }
}
