import { closeSync, fstatSync, openSync, statSync, unlinkSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { PluginError } from '@berth/sdk/errors';
import { syscalls } from '../syscalls.ts';

const shortestPauseMs = 1;
const longestPauseMs = 50;

interface LockOptions {
  /** Whether the file stays afterwards, so that it can be locked again where a full disk has no inode for a new one. Default: false. */
  keep?: boolean;
}

/**
 * Does `body` while no other holder of the lock file does, in this process or any other of this host. The kernel gives
 * the lock back when its holder dies, so a crash blocks nobody. The file is gone afterwards, unless `keep` is set.
 *
 * Waits until `signal` is aborted.
 */
export async function withLock<T>(path: string, signal: AbortSignal, body: () => Promise<T>, options?: LockOptions): Promise<T> {
  let pause = shortestPauseMs;
  for (;;) {
    const lock = tryLock(path, options);
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
export function tryLock(path: string, { keep = false }: LockOptions = {}): Lock | undefined {
  const descriptor = openSync(path, 'a', 0o600);
  try {
    if (syscalls().tryLock(descriptor) && isStillAt(path, descriptor)) {
      return {
        release() {
          try {
            if (!keep) unlinkSync(path);
          } finally {
            closeSync(descriptor);
          }
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

/** Does `remove` under the lock, or nothing if somebody has it. Where a full disk has no inode for a lock file, nobody has one, and none is needed. */
export async function removeLocked(path: string, remove: () => Promise<void>): Promise<void> {
  const lock = lockOrFull(path);
  if (!lock) return;
  try {
    await remove();
  } finally {
    lock.release();
  }
}

function lockOrFull(path: string): Lock | undefined {
  try {
    return tryLock(path);
  } catch (error) {
    if (!['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return { release: () => undefined };
  }
}

/** The last holder removed the file while it was locked: a lock on a removed file is no lock. */
function isStillAt(path: string, descriptor: number): boolean {
  return statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(descriptor).ino;
}
