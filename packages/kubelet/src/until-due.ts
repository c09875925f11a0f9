import { onAbort } from '@berth/sdk/abort';
import type { Clock } from './clock.ts';

/** Resolves after a time, or as soon as `signal` aborts. */
export async function untilDue(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (delayMs <= 0 || signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.after(delayMs, resolve);
  const unsubscribe = onAbort([signal], () => resolve());
  await promise;
  unsubscribe();
  cancel();
}
