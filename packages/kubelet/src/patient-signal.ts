import type { Clock } from './clock.ts';

/** Aborts as `signal` does, but `delayMs` later. `release` gives back what it holds. */
export function patientSignal(signal: AbortSignal, delayMs: number, clock: Clock): { signal: AbortSignal; release(): void } {
  const later = new AbortController();
  let cancel: (() => void) | undefined;
  const aborted = () => {
    cancel = clock.after(delayMs, () => later.abort(signal.reason));
  };
  signal.addEventListener('abort', aborted, { once: true });
  const release = () => {
    signal.removeEventListener('abort', aborted);
    cancel?.();
  };
  return { signal: later.signal, release };
}
