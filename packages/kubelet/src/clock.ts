/** The time, and waking up at a later one. */
export interface Clock {
  now(): Date;
  /** Calls `wake` once, `delayMs` from now; the returned function takes it back. */
  after(delayMs: number, wake: () => void): () => void;
}

/** setTimeout fires at once for delays past 2^31-1 ms. */
const longestDelayMs = 2 ** 31 - 1;

/** The host's own time. */
export const systemClock: Clock = {
  now: () => new Date(),
  after: (delayMs, wake) => {
    const timer = setTimeout(wake, Math.min(Math.max(delayMs, 0), longestDelayMs));
    return () => clearTimeout(timer);
  },
};
