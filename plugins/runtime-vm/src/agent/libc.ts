import { dlopen } from 'bun:ffi';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

const { symbols } = dlopen('libc.so.6', {
  prctl: { args: ['i32', 'u64', 'u64', 'u64', 'u64'], returns: 'i32' },
  waitpid: { args: ['i32', 'ptr', 'i32'], returns: 'i32' },
  mkfifo: { args: ['cstring', 'u32'], returns: 'i32' },
  kill: { args: ['i32', 'i32'], returns: 'i32' },
  clock_settime: { args: ['i32', 'ptr'], returns: 'i32' },
  umount2: { args: ['cstring', 'i32'], returns: 'i32' },
});

const PR_SET_CHILD_SUBREAPER = 36;
const WNOHANG = 1;
const CLOCK_REALTIME = 0;
const MNT_DETACH = 2;

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

/** Running and dead ones. */
export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

export function makeFifo(path: string): void {
  if (symbols.mkfifo(Buffer.from(`${path}\0`), 0o600) !== 0) throw new Error(`${path} can't be made`);
}

/** Sets the machine's clock, in nanoseconds since the epoch. */
export function setClock(now: bigint): void {
  const timespec = BigInt64Array.of(now / 1_000_000_000n, now % 1_000_000_000n);
  if (symbols.clock_settime(CLOCK_REALTIME, timespec) !== 0) throw new Error('clock_settime failed');
}

/** Takes a mount out of the tree; it goes when nothing uses it any more. A path that is none is no error. */
export function detachMount(path: string): void {
  symbols.umount2(Buffer.from(`${path}\0`), MNT_DETACH);
}

/** By number: also the real-time signals, which have no name. One that has ended is no error. */
export function killProcess(pid: number, signal: number = constants.signals.SIGKILL): void {
  symbols.kill(pid, signal);
}
