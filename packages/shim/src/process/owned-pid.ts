import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const pollMs = 5;

/** The pid that is written in a file; undefined where there is none. It may have become somebody else's: see `ownedPid`. */
export async function pidIn(file: string): Promise<number | undefined> {
  const pid = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10);
  return Number.isNaN(pid) ? undefined : pid;
}

/**
 * The pid that is written in a file, where that process still runs: `isOwn` tells it by its command line from another one that has
 * got the pid since. A zombie doesn't run, and has no command line (proc_pid_cmdline(5)).
 */
export async function ownedPid(file: string, isOwn: (commandLine: string[]) => boolean): Promise<number | undefined> {
  const pid = await pidIn(file);
  if (pid === undefined) return undefined;
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return isOwn(commandLine.split('\0')) ? pid : undefined;
}

/** Waits until all of these processes have ended, at most `limitMs`, and tells whether they have. For those that are nobody's child here. */
export async function endWithin(pids: number[], limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (!(await haveEnded(pids))) {
    if (performance.now() >= deadline) return false;
    await delay(pollMs);
  }
  return true;
}

/** A zombie has ended: when it is reaped is up to its parent. */
async function haveEnded(pids: number[]): Promise<boolean> {
  const states = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')));
  return states.every((state) => state === '' || /\) [ZX] [^)]*$/.test(state));
}
