import type { Clock } from '../clock.ts';
import { untilDue } from '../until-due.ts';

/** Does `work` now and after each `everyMs` from its end, until `signal` aborts. `work` doesn't throw. */
export async function periodically(clock: Clock, everyMs: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await work();
    await untilDue(clock, everyMs, signal);
  }
}
