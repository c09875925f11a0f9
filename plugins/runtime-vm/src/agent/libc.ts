import { dlopen } from 'bun:ffi';
import { constants } from 'node:os';

const { symbols } = dlopen('libc.so.6', {
  prctl: { args: ['i32', 'u64', 'u64', 'u64', 'u64'], returns: 'i32' },
  waitpid: { args: ['i32', 'ptr', 'i32'], returns: 'i32' },
  mkfifo: { args: ['cstring', 'u32'], returns: 'i32' },
  kill: { args: ['i32', 'i32'], returns: 'i32' },
});

const PR_SET_CHILD_SUBREAPER = 36;
const WNOHANG = 1;

/** Containers' processes become this one's children when the OCI runtime that made them ends. */
export function becomeSubreaper(): void {
  if (symbols.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) !== 0) throw new Error('prctl(PR_SET_CHILD_SUBREAPER) failed');
}

/** The exit code of a child that has ended, 128 + signal number if a signal did it; undefined while it runs. */
export function reap(pid: number): number | undefined {
  const status = new Int32Array(1);
  if (symbols.waitpid(pid, status, WNOHANG) !== pid) return undefined;
  const [word = 0] = status;
  const signal = word & 0x7f;
  return signal === 0 ? (word >> 8) & 0xff : 128 + signal;
}

export function makeFifo(path: string): void {
  if (symbols.mkfifo(Buffer.from(`${path}\0`), 0o600) !== 0) throw new Error(`${path} can't be made`);
}

/** By number: also the real-time signals, which have no name. One that has ended is no error. */
export function killProcess(pid: number, signal: number = constants.signals.SIGKILL): void {
  symbols.kill(pid, signal);
}
