import { closeSync, openSync } from 'node:fs';
import { bunLibc } from './bun-libc.ts';

const CLONE_NEWNET = 0x40000000;

/**
 * Does `work` in the network namespace at a path. A program that it starts inherits the namespace from this thread, and a socket that it opens stays in
 * it: nsenter(1), which takes 2 ms, isn't needed. Only a Bun executable has a way to the system call; undefined elsewhere, and where it isn't let in.
 */
export function enterNamespace<Result extends object>(netns: string, work: () => Result | undefined): Result | undefined {
  const libc = bunLibc();
  if (!libc) return undefined;
  const own = openSync('/proc/thread-self/ns/net', 'r');
  try {
    const target = opened(netns);
    // What isn't there, or can't be opened, is left to nsenter to tell.
    if (target === undefined) return undefined;
    try {
      if (libc.setns(target, CLONE_NEWNET) !== 0) return undefined;
      try {
        return work();
      } finally {
        // What else this process did would be done in the container.
        if (libc.setns(own, CLONE_NEWNET) !== 0) process.abort();
      }
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(own);
  }
}

function opened(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}
