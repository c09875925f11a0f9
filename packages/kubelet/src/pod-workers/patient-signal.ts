import { onAbort } from '@berth/sdk/abort';
import type { Clock } from '../clock.ts';

/** Aborts as `signal` does, but `delayMs` later. `release` gives back what it holds. */
export function patientSignal(signal: AbortSignal, delayMs: number, clock: Clock): { signal: AbortSignal; release(): void } {
  const later = new AbortController();
  let cancel: (() => void) | undefined;
  const unsubscribe = onAbort([signal], (reason) => {
    cancel = clock.after(delayMs, () => later.abort(reason));
  });
  const release = () => {
    unsubscribe();
    cancel?.();
  };
  return { signal: later.signal, release };
}
