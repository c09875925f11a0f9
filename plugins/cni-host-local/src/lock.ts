import { closeSync, openSync } from 'node:fs';
import { bunLibc, errnoOfRetry } from '@berth/sdk/cni/bun-libc';
import { CniError, errorCodes } from '@berth/sdk/cni/types';

/** Less than runtimes give a plugin, so that they hear what it waited for. */
const waitLimitMs = 30_000;
const longestPauseMs = 25;

/**
 * Runs `work` while it holds flock(2) on `file`, which is created if missing: the lock that the reference plugin takes. Waits for it without
 * keeping this process from its other calls. Throws a CniError (code 11) when another process holds it for `limitMs`, 5 where the
 * file system can't lock.
 */
export async function withLock<T>(file: string, work: () => T | Promise<T>, limitMs = waitLimitMs): Promise<T> {
  const descriptor = openSync(file, 'a', 0o644);
  try {
    if (!(await lock(file, descriptor, limitMs))) throw held(file, limitMs);
    return await work();
  } finally {
    closeSync(descriptor);
  }
}

/** False where it is held by another open file for that long. */
async function lock(file: string, descriptor: number, limitMs: number): Promise<boolean> {
  const libc = bunLibc();
  if (!libc) return lockByProgram(descriptor, limitMs);
  const attempt = () => libc.flock(descriptor, lockExclusive | lockNonBlocking);
  if (attempt() === 0) return true;
  const errno = errnoOfRetry(attempt);
  if (errno === 0) return true;
  const what = refusals[errno];
  if (what !== undefined)
    throw new CniError(errorCodes.ioFailure, what, { object: `lock ${file}`, hint: 'set ipam.dataDir to a local file system' });
  return repeat(() => attempt() === 0, limitMs);
}

/** By errno: what waiting doesn't mend. */
const refusals: Record<number, string> = {
  5: 'the file system fails (EIO)',
  37: 'the file system has no locks left, or none at all (ENOLCK)',
  38: 'the file system knows no locks (ENOSYS)',
  95: 'the file system knows no locks (EOPNOTSUPP)',
};

const lockExclusive = 2;
const lockNonBlocking = 4;

/** Tries until it succeeds. A plugin holds the lock for a millisecond: the pauses begin short. */
async function repeat(attempt: () => boolean, limitMs: number): Promise<boolean> {
  const end = performance.now() + limitMs;
  for (let pause = 1; !attempt(); pause = Math.min(pause * 2, longestPauseMs)) {
    if (performance.now() > end) return false;
    // Not in step with others that wait.
    await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())));
  }
  return true;
}

/** flock(1) locks the open file that it inherits; the lock stays with our descriptor when it has ended. */
async function lockByProgram(descriptor: number, limitMs: number): Promise<boolean> {
  // Loaded on need: an executable, which has the system call, would wait for it.
  const { spawn } = process.getBuiltinModule('node:child_process');
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  const wait = ['--exclusive', '--conflict-exit-code', String(heldStatus), '--wait', String(limitMs / 1000), '3'];
  const child = spawn('flock', wait, { stdio: ['ignore', 'ignore', 'ignore', descriptor], timeout: limitMs + 5000 });
  child.once('error', reject).once('close', resolve);
  const status = await promise.catch((error: Error) => {
    throw new CniError(errorCodes.ioFailure, error.message, { object: 'flock', cause: error, hint: 'install util-linux' });
  });
  if (status === 0 || status === heldStatus) return status === 0;
  throw new CniError(errorCodes.ioFailure, `ended with status ${status}`, { object: 'flock' });
}

const heldStatus = 75;

function held(file: string, limitMs: number): CniError {
  return new CniError(errorCodes.tryAgainLater, `is held by another process for more than ${limitMs / 1000} s`, {
    object: `lock ${file}`,
    hint: `\`fuser ${file}\` tells which`,
  });
}
