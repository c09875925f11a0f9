import { constants } from 'node:os';

/** What comes this soon after the first is the same, told twice: to a process, and to its group. */
const sameMs = 1000;

/** Aborts at the first SIGINT or SIGTERM, for a program that tidies up then. A later one ends it at once, with the status that a shell gives to that. */
export function untilTerminated(): AbortSignal {
  const terminated = new AbortController();
  let firstAt: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      firstAt ??= performance.now();
      if (performance.now() - firstAt >= sameMs) process.exit(128 + constants.signals[signal]);
      terminated.abort();
    });
  }
  return terminated.signal;
}
