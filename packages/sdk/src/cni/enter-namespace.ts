import { closeSync, openSync } from 'node:fs';
import { bunLibc } from './bun-libc.ts';

const CLONE_NEWNET = 0x40000000;

/**
 * Does `work`, which starts a program, in the network namespace at a path: the program inherits it from this thread, and nsenter(1), which
 * takes 2 ms, isn't needed. Only a Bun executable has a way to the system call; undefined elsewhere, and where it isn't let in.
 */
export function enterNamespace<Result extends object>(netns: string, work: () => Result): Result | undefined {
  const libc = bunLibc();
  if (!libc) return undefined;
  const own = openSync('/proc/thread-self/ns/net', 'r');
  try {
    const target = openSync(netns, 'r');
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
