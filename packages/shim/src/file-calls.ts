import { appendFileSync, mkdirSync, rmSync, statSync } from 'node:fs';
import type { CallRecord } from '@berth/sdk/call-record';
import { PluginError } from '@berth/sdk/errors';
import { currentTrace, inTrace, newSpan } from '@berth/sdk/trace-context';
import type { CallDescription, Calls } from './calls.ts';
import type { ShimDirectories } from './directories.ts';
import { shortenLog } from './files/shortened-log.ts';

/** Files of sandboxes that are gone are kept for this many. */
const keptFiles = 200;

/** Probes are calls, too, as long as the sandbox lives. A file that passes this is shortened. */
const longestFileBytes = 256 * 1024;

/** What is left of it from each end: how the sandbox and its containers were made, and what happened last. */
const keptBytes = 64 * 1024;

/**
 * Calls in RUN/calls/SANDBOX.jsonl, a record a line: at most 256 KiB, past which the first and the last 64 KiB are kept. Calls that
 * belong to no sandbox aren't kept.
 */
export class FileCalls implements Calls {
  readonly #directories: ShimDirectories;

  constructor(directories: ShimDirectories) {
    this.#directories = directories;
  }

  async record<Result>(call: CallDescription, work: () => Promise<Result>): Promise<Result> {
    const parent = currentTrace();
    const span = newSpan(parent);
    const start = performance.now();
    const end = (outcome: CallRecord['outcome'], message?: string): void =>
      this.append({
        ...span,
        ...(parent && { parentSpanId: parent.spanId }),
        ...call,
        startedAt: performance.timeOrigin + start,
        durationMs: performance.now() - start,
        outcome,
        ...(message !== undefined && { message }),
      });
    try {
      const result = await inTrace(span, work);
      end('OK');
      return result;
    } catch (error) {
      const failure = PluginError.from(error);
      end(failure.code, failure.message);
      throw error;
    }
  }

  /** Adds a call that was measured elsewhere. A record that can't be written is lost: no pod fails for its trace. */
  append(record: CallRecord): void {
    if (record.sandboxId === undefined) return;
    const line = `${JSON.stringify(record)}\n`;
    try {
      mkdirSync(this.#directories.calls, { recursive: true, mode: 0o700 });
      const path = this.#directories.callsOf(record.sandboxId);
      appendFileSync(path, line, { mode: 0o600 });
      if (statSync(path).size > longestFileBytes) shortenLog(path, keptBytes, keptBytes);
    } catch {
      return;
    }
  }

  /** Removes the oldest files of sandboxes that no handler has any more, past the number that is kept. Where that can't be done it is left to a later call. */
  trim(): void {
    try {
      this.#trim();
    } catch {
      return;
    }
  }

  #trim(): void {
    const living = new Set(this.#directories.sandboxesOfAllHandlers().map(({ id }) => this.#directories.callsOf(id)));
    const ended = this.#directories.callFiles().filter((path) => !living.has(path));
    if (ended.length <= keptFiles) return;
    const byAge = ended.map((path) => ({ path, modified: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }));
    byAge.sort((a, b) => b.modified - a.modified);
    for (const { path } of byAge.slice(keptFiles)) rmSync(path, { force: true });
  }
}
