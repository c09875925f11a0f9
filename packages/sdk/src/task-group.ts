import { onAbort } from './abort.ts';

/** Tasks of which none goes on without the others. */
export interface TaskGroup {
  /** Aborts when the caller's does, and when one of the tasks fails. */
  readonly signal: AbortSignal;
  /** Starts one more. */
  start(task: () => Promise<void>): void;
}

/**
 * Does `first` and all that it starts, until all of it has ended. One that fails ends the others, and its error is thrown; nothing is where `signal` has
 * aborted by then.
 */
export async function runTogether(signal: AbortSignal, first: (group: TaskGroup) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const release = onAbort([signal], (reason) => stop.abort(reason));
  const running = new Set<Promise<void>>();
  const group: TaskGroup = {
    signal: stop.signal,
    start(task) {
      const ended: Promise<void> = (async () => task())()
        .catch((thrown) => stop.abort(thrown))
        .finally(() => running.delete(ended));
      running.add(ended);
    },
  };
  group.start(() => first(group));
  while (running.size > 0) await Promise.all(running);
  release();
  if (stop.signal.aborted && !signal.aborted) throw stop.signal.reason;
}
