import { setTimeout as wait } from 'node:timers/promises';

/** Waits until a promise is fulfilled, for so long at most and until `signal` aborts; says whether it was. Rejects if it does. */
export async function settlesWithin(promise: Promise<unknown>, timeMs: number, signal?: AbortSignal): Promise<boolean> {
  const pause = new AbortController();
  const ended = signal ? AbortSignal.any([signal, pause.signal]) : pause.signal;
  const late = wait(timeMs, false, { signal: ended }).catch(() => false);
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    pause.abort();
  }
}
