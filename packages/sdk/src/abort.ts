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
