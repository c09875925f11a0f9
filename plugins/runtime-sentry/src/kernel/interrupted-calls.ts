import type { SystemCall } from './notifications.ts';

/** Calls that don't come to the same when they are made twice. */
const notRepeatable = new Set(
  'mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat mknod mknodat'.split(' '),
);

const maximumKept = 256;

/**
 * Results that came too late: a signal had interrupted the caller. The kernel lets it make the same call again, which then gets the result of
 * the first one.
 */
export class InterruptedCalls {
  readonly #results = new Map<number, { call: string; result: number }>();

  keep(name: string, call: SystemCall, result: number): void {
    if (!notRepeatable.has(name)) return;
    this.#results.set(call.tid, { call: describe(call), result });
    if (this.#results.size > maximumKept) this.#results.delete(this.#results.keys().next().value as number);
  }

  /** The result of this call, where it was made before and interrupted. Once. */
  take(call: SystemCall): number | undefined {
    // By far the most calls come here while there is nothing.
    if (this.#results.size === 0) return undefined;
    const kept = this.#results.get(call.tid);
    if (kept?.call !== describe(call)) return undefined;
    this.#results.delete(call.tid);
    return kept.result;
  }
}

function describe(call: SystemCall): string {
  return [call.number, ...[0, 1, 2, 3, 4].map((index) => call.long(index))].join(' ');
}
