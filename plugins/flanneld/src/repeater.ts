import { setTimeout as wait } from 'node:timers/promises';
import { settlesWithin } from './settles-within.ts';

interface RepeaterOptions {
  /** Between two runs that nobody asked for. */
  everyMs: number;
  /** What runs, one at a time. It says whether all was done. */
  work: () => Promise<boolean>;
}

/** How soon a run may follow what asked for it: what comes together is done together. */
const gatherMs = 50;
/** One that is asked for so soon after the last is later the more often that happens: somebody may undo each time what is done here. */
const quietMs = 1_000;
const longestGatherMs = 2_000;
/** After a run that failed; doubled after each that fails again. */
const shortestRetryMs = 1_000;
const longestRetryMs = 10_000;

/** Runs a piece of work when asked to, over and over from time to time, and sooner after it failed. */
export class Repeater {
  readonly #options: RepeaterOptions;
  #asked = Promise.withResolvers<void>();

  constructor(options: RepeaterOptions) {
    this.#options = options;
  }

  /** Asks for a run that starts after this. */
  ask(): void {
    this.#asked.resolve();
  }

  /** Runs until `signal` aborts, first when asked. Rejects only if the work does. */
  async run(signal: AbortSignal): Promise<void> {
    const { everyMs, work } = this.#options;
    let retryMs = shortestRetryMs;
    let pauseMs = everyMs;
    let delayMs = gatherMs;
    let lastEnd = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      const asked = await settlesWithin(this.#asked.promise, pauseMs, signal);
      delayMs = asked && performance.now() - lastEnd < quietMs ? Math.min(delayMs * 2, longestGatherMs) : gatherMs;
      await wait(delayMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      this.#asked = Promise.withResolvers();
      const done = await work();
      lastEnd = performance.now();
      pauseMs = done ? everyMs : Math.min(retryMs, everyMs);
      retryMs = done ? shortestRetryMs : Math.min(retryMs * 2, longestRetryMs);
    }
  }
}
