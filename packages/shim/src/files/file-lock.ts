import { closeSync, fstatSync, openSync, statSync, unlinkSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { PluginError } from '@berth/sdk/errors';
import { syscalls } from '../syscalls.ts';

const shortestPauseMs = 1;
const longestPauseMs = 50;

/**
 * Does `body` while no other holder of the lock file does, in this process or any other of this host. The kernel gives
 * the lock back when its holder dies, so a crash blocks nobody. The file is gone afterwards.
 *
 * Waits until `signal` is aborted.
 */
export async function withLock<T>(path: string, signal: AbortSignal, body: () => Promise<T>): Promise<T> {
  let pause = shortestPauseMs;
  for (;;) {
    const lock = tryLock(path);
    if (lock) {
      try {
        return await body();
      } finally {
        lock.release();
      }
    }
    await setTimeout(pause, undefined, { signal }).catch((cause) => {
      const code = signal.reason?.name === 'TimeoutError' ? 'DEADLINE_EXCEEDED' : 'CANCELLED';
      throw new PluginError(code, 'another process or request still works on it', {
        object: path,
        hint: 'try again',
        cause,
      });
    });
    pause = Math.min(pause * 2, longestPauseMs);
  }
}

export interface Lock {
  release(): void;
}

/** The lock, or undefined if somebody has it. */
export function tryLock(path: string): Lock | undefined {
  const descriptor = openSync(path, 'a', 0o600);
  try {
    if (syscalls().tryLock(descriptor) && isStillAt(path, descriptor)) {
      return {
        release() {
          unlinkSync(path);
          closeSync(descriptor);
        },
      };
    }
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  closeSync(descriptor);
  return undefined;
}

/** The last holder removed the file while it was locked: a lock on a removed file is no lock. */
function isStillAt(path: string, descriptor: number): boolean {
  return statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(descriptor).ino;
}
