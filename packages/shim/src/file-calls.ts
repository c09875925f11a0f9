import { appendFileSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { CallRecord } from '@berth/sdk/call-record';
import { PluginError } from '@berth/sdk/errors';
import { currentTrace, inTrace, newSpan } from '@berth/sdk/trace-context';
import type { CallDescription, Calls } from './calls.ts';

/** Files of sandboxes that are gone are kept for this many. */
const keptFiles = 200;

/** Calls in RUN/calls/SANDBOX.jsonl, a record a line. Calls that belong to no sandbox aren't kept. */
export class FileCalls implements Calls {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
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

  /** Adds a call that was measured elsewhere. */
  append(record: CallRecord): void {
    if (record.sandboxId === undefined) return;
    appendFileSync(join(this.#directory, `${record.sandboxId}.jsonl`), `${JSON.stringify(record)}\n`, { mode: 0o600 });
  }

  /** Removes the oldest files of sandboxes that aren't in `living`, past the number that is kept. */
  trim(living: ReadonlySet<string>): void {
    const ended = readdirSync(this.#directory)
      .filter((name) => !living.has(name.replace(/\.jsonl$/, '')))
      .map((name) => ({ path: join(this.#directory, name), modified: statSync(join(this.#directory, name)).mtimeMs }))
      .toSorted((a, b) => b.modified - a.modified);
    for (const { path } of ended.slice(keptFiles)) rmSync(path, { force: true });
  }
}
