import { onAbort } from '@berth/sdk/abort';
import type { Clock } from './clock.ts';
import { fullNameOf, gracePeriodOf } from './pod.ts';
import type { PodWorkers } from './pod-workers/pod-workers.ts';

interface EndOptions {
  clock: Clock;
  /** How long a runtime may take to answer. */
  requestTimeoutMs: number;
  /** Ends the pods' grace periods, and waits only a little longer for runtimes that don't answer. */
  hurry: AbortSignal | undefined;
}

/** What a pod's end may take besides its grace period and the runtime's answers. */
export const endMarginMs = 10_000;

/** Ends every pod, and gives a message for each that didn't end in time. */
export async function endPods(workers: PodWorkers, { clock, requestTimeoutMs, hurry }: EndOptions): Promise<string[]> {
  const graces = workers.all().map(({ pod }) => gracePeriodOf(pod) * 1000);
  const limit = Promise.withResolvers<void>();
  const cancels = [clock.after(Math.max(0, ...graces) + requestTimeoutMs + endMarginMs, limit.resolve)];
  const unsubscribe = onAbort([hurry], () => cancels.push(clock.after(endMarginMs, limit.resolve)));
  await Promise.race([workers.terminateAll(hurry), limit.promise]);
  unsubscribe();
  for (const cancel of cancels) cancel();
  const left = workers.all().filter((worker) => worker.begun && !worker.finished);
  return left.map(({ pod, trouble }) => `pod ${fullNameOf(pod)} didn't end: ${trouble?.message ?? 'no reason known'}`);
}
