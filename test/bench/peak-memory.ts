import { readFileSync, writeFileSync } from 'node:fs';

/** Follows how much of a process is resident from here on; in MB. */
export class PeakMemory {
  readonly #pid: number;
  readonly #before: number;

  constructor(pid: number) {
    this.#pid = pid;
    // Takes the peak (VmHWM) back to what is resident (proc_pid_clear_refs(5)).
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
    this.#before = this.#read('VmRSS');
  }

  /** The most that was resident at once, above what it was at the start. */
  above(): number {
    return this.#read('VmHWM') - this.#before;
  }

  #read(field: 'VmRSS' | 'VmHWM'): number {
    const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${this.#pid}/status`, 'utf8'))?.[1];
    return (Number(kibibytes) * 1024) / 1e6;
  }
}
