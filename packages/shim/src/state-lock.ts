import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import { type Lock, tryLock } from './files/file-lock.ts';

/** A shim that ends gives running calls 5 s, and those it then cancels 15 s to clean up. */
const endingLimitMs = 20_000;
const pauseMs = 20;

interface StateLockOptions {
  /** The lock file, in the handler's state. */
  path: string;
  handler: string;
  /** Pid of the node that supervises this process, whose child it is. */
  supervisor?: number;
  log: Logger;
  /** How long one that is ending is waited for. Default 20 s. */
  limitMs?: number;
}

/** Who holds the lock, as it wrote itself down. */
interface Holder {
  pid: number;
  supervisor?: number;
}

/**
 * Takes the state of a handler: a second shim would take what the first is just making for left-overs, and remove it. Waits for a holder
 * that has lost its node, since that one is ending. ALREADY_EXISTS at once where the holder serves, and where the other doesn't end in time.
 */
export async function lockState({ path, handler, supervisor, log, limitMs = endingLimitMs }: StateLockOptions): Promise<Lock> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const object = `state of ${handler} in ${dirname(path)}`;
  const deadline = performance.now() + limitMs;
  for (let waits = false; ; waits = true) {
    const lock = tryLock(path);
    if (lock) {
      writeHolder(path, { pid: process.pid, ...(supervisor !== undefined && { supervisor }) });
      return lock;
    }
    const holder = holderOf(path);
    if (!isEnding(holder)) {
      throw new PluginError('ALREADY_EXISTS', 'another process serves this handler from it', {
        object,
        hint: 'stop that one, or choose another --root or --handler',
      });
    }
    if (performance.now() >= deadline) {
      throw new PluginError('ALREADY_EXISTS', `process ${holder.pid}, whose node is gone, still holds it after ${limitMs / 1000} s`, {
        object,
        hint: 'end that process, then start again',
      });
    }
    if (!waits) log.info({ holder: holder.pid, limitMs }, 'waiting for the shim of a node that is gone to end');
    await setTimeout(pauseMs);
  }
}

/** On a full disk nobody is written down: such a holder counts as one that serves. */
function writeHolder(path: string, holder: Holder): void {
  try {
    writeFileSync(path, JSON.stringify(holder));
  } catch (error) {
    if (!['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/** Undefined where it isn't written down. */
function holderOf(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    // It has removed the file just now.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? { pid: 0 } : undefined;
  }
}

/** Whether it has ended, or has lost the node that supervised it: the kernel gives an orphan another parent (proc_pid_stat(5), field 4). */
function isEnding(holder: Holder | undefined): holder is Holder {
  if (!holder) return false;
  const stat = statOf(holder.pid);
  if (!stat || ['Z', 'X'].includes(stat.state)) return true;
  return holder.supervisor !== undefined && stat.parent !== holder.supervisor;
}

function statOf(pid: number): { state: string; parent: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name before it may hold anything, parentheses too.
    const [state = '', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state, parent: Number(parent) };
  } catch {
    return undefined;
  }
}
