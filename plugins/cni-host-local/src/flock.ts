import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { bunLibc } from '@berth/sdk/cni/bun-libc';
import { CniError, errorCodes } from '@berth/sdk/cni/types';

const waitLimitSeconds = 30;

/**
 * Runs `work` while it holds flock(2) on `file`, which is created if missing: the lock that the reference plugin takes.
 * Throws a CniError (code 11) when another process holds it for 30 s.
 */
export function withFlock<T>(file: string, work: () => T): T {
  const descriptor = openSync(file, 'a', 0o644);
  try {
    if (!tryFlock(descriptor)) waitForFlock(descriptor, file);
    return work();
  } finally {
    closeSync(descriptor);
  }
}

const lockExclusive = 2;
const lockNonBlocking = 4;

/** The system call, where there is a way to it: it takes microseconds, and flock(1) 3 ms. */
function tryFlock(descriptor: number): boolean {
  return bunLibc()?.flock(descriptor, lockExclusive | lockNonBlocking) === 0;
}

/** flock(1) locks the open file that it inherits; the lock stays with our descriptor when it has ended. */
function waitForFlock(descriptor: number, file: string): void {
  const { error, status, stderr } = spawnSync('flock', ['--exclusive', '--wait', String(waitLimitSeconds), '3'], {
    stdio: ['ignore', 'ignore', 'pipe', descriptor],
    encoding: 'utf8',
    timeout: (waitLimitSeconds + 5) * 1000,
  });
  if (error) throw new CniError(errorCodes.ioFailure, error.message, { object: 'flock', cause: error, hint: 'install util-linux' });
  if (status === 0) return;
  const what = stderr.trim() || `is held by another process for more than ${waitLimitSeconds} s`;
  throw new CniError(errorCodes.tryAgainLater, what, { object: file });
}
