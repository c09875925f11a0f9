import { readFileSync } from 'node:fs';

/** Of the kernel's clock in /proc/PID/stat, on every architecture. */
const ticksPerSecond = 100;

/** User and system time of a process so far (proc_pid_stat(5)). */
export function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** What of a process is in memory now. */
export function residentMegabytes(pid: number | string): number {
  return (Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024) / 1e6;
}
