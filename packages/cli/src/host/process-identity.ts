import { readFileSync } from 'node:fs';

/** A process, told from another one that gets its pid after it. */
export interface ProcessIdentity {
  pid: number;
  /** When it began, in clock ticks since the boot (field 22 of proc_pid_stat(5)); 0 where there is no /proc. */
  startTicks: number;
}

/** This process. */
export function ownProcess(): ProcessIdentity {
  return { pid: process.pid, startTicks: statOf(process.pid)?.startTicks ?? 0 };
}

/** Whether it still runs; a zombie doesn't. */
export function isRunning({ pid, startTicks }: ProcessIdentity): boolean {
  const stat = statOf(pid);
  return stat?.startTicks === startTicks && !['Z', 'X'].includes(stat.state);
}

function statOf(pid: number): { state: string; startTicks: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name before it may hold anything, parentheses too.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', startTicks: Number(fields[19]) };
  } catch {
    return undefined;
  }
}
