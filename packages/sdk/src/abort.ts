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
