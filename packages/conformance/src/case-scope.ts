import { AsyncLocalStorage } from 'node:async_hooks';

/** Until when the calls of a running case may last. */
export interface CaseScope {
  /** Aborted when the case's time is over, or the run is ended. */
  signal: AbortSignal;
  /** What the case has in all: no call of it needs a longer deadline, and on a slow host none gets a shorter one. */
  limitMs: number;
  /** What a call gets that is made after that, to clean up. */
  cleanUpMs: number;
}

/** Options of a call to the target. */
export interface CallBounds {
  signal?: AbortSignal;
  deadlineMs?: number;
}

const scopes = new AsyncLocalStorage<CaseScope | undefined>();

/** Runs `work` so that calls that are bounded by `boundedCall` end with the scope: a target that hangs keeps no case from ending. */
export function withinScope<Result>(scope: CaseScope, work: () => Result): Result {
  return scopes.run(scope, work);
}

/** Runs `work`, whose result several cases share, so that the end of the case that happens to begin it doesn't end it. */
export function outsideScopes<Result>(work: () => Result): Result {
  return scopes.run(undefined, work);
}

/** `limitMs` from now, and no longer than the running case may last. */
export function limitWithinCase(limitMs: number): AbortSignal {
  const signal = scopes.getStore()?.signal;
  return signal ? AbortSignal.any([AbortSignal.timeout(limitMs), signal]) : AbortSignal.timeout(limitMs);
}

/** A call's own options, and those that its case adds. */
export function boundedCall(options: CallBounds = {}): CallBounds {
  const scope = scopes.getStore();
  if (!scope) return options;
  if (scope.signal.aborted) return { ...options, deadlineMs: Math.min(options.deadlineMs ?? scope.cleanUpMs, scope.cleanUpMs) };
  return { deadlineMs: scope.limitMs, ...options, signal: options.signal ? AbortSignal.any([options.signal, scope.signal]) : scope.signal };
}
