import { onAbort } from '@berth/sdk/abort';
import type { Clock } from '../clock.ts';

/** Does `work` now and after each `everyMs` from its end, until `signal` aborts. `work` doesn't throw. */
export async function periodically(clock: Clock, everyMs: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await work();
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = clock.after(everyMs, resolve);
    const unsubscribe = onAbort([signal], () => resolve());
    await promise;
    unsubscribe();
    cancel();
  }
}
