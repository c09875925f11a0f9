/** For what nobody cancels. */
export const neverAborted: AbortSignal = new AbortController().signal;

/** Calls `listener` once, when the first of `signals` aborts (at once if one has). The returned function takes it back. */
export function onAbort(signals: (AbortSignal | undefined)[], listener: (reason: unknown) => void): () => void {
  const present = signals.filter((signal) => signal !== undefined);
  const stop = () => {
    for (const signal of present) signal.removeEventListener('abort', aborted);
  };
  const aborted = (event: Event) => {
    stop();
    listener((event.target as AbortSignal).reason);
  };
  const already = present.find((signal) => signal.aborted);
  if (already) listener(already.reason);
  else for (const signal of present) signal.addEventListener('abort', aborted);
  return stop;
}

/** Waits for `promise`, or throws the reason of `signal` as soon as that is aborted. */
export async function unlessAborted<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  // Nobody else waits for it once this has given up: what it throws then is nobody's.
  promise.catch(() => undefined);
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/**
 * Does `work` with a signal that is aborted only `graceMs` after `signal` is: for what had better come to its end than be cut off in its middle.
 * Throws the reason of one that is aborted already, and begins nothing.
 */
export async function withGrace<Result>(
  signal: AbortSignal,
  graceMs: number,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted();
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const release = onAbort([signal], (reason) => {
    timer = setTimeout(() => late.abort(reason), graceMs);
  });
  try {
    return await work(late.signal);
  } finally {
    release();
    clearTimeout(timer);
  }
}
