import { type Fallible, failureKey } from './failure-key.ts';
import type { Failure, ObservedPod, RestartDelay } from './observed-pod.ts';

/**
 * How long what failed waits, in milliseconds. The rules are kubelet's: a delay that doubles up to a limit and is forgotten after twice
 * the limit without a failure (client-go/util/flowcontrol/backoff.go), for a container counted from its end
 * (kubelet/kuberuntime/kuberuntime_manager.go, doBackOff).
 */
export interface BackOff {
  /** The second restart of a container waits this long, each further one twice as long as the one before. */
  crashInitialMs: number;
  crashMaxMs: number;
  /** A container that ran this long starts over with `crashInitialMs`. */
  crashResetMs: number;
  imageInitialMs: number;
  imageMaxMs: number;
  /** A volume that couldn't be made is tried again after this, then after twice as long each time. */
  mountInitialMs: number;
  mountMaxMs: number;
  /** Any other action that failed is tried again after this. */
  syncErrorMs: number;
  /** The same for a plugin that isn't there: it may come back any moment. Pulls and volumes don't count: they have the delays above. */
  transientErrorMs: number;
}

/**
 * kubelet's figures: 10 s doubling to 5 minutes for crashes and for pulls, half a second doubling to 2 minutes and 2 s for volumes
 * (util/goroutinemap/exponentialbackoff), 10 s for any other error (kubelet/kubelet.go:
 * initialCrashLoopBackOff, MaxCrashLoopBackOff, MaxImageBackOff, backOffPeriod), 1 s for a transient one (kubelet/pod_workers.go:
 * backOffOnTransientErrorPeriod).
 */
export const defaultBackOff: BackOff = {
  crashInitialMs: 10_000,
  crashMaxMs: 300_000,
  crashResetMs: 600_000,
  imageInitialMs: 10_000,
  imageMaxMs: 300_000,
  mountInitialMs: 500,
  mountMaxMs: 122_000,
  syncErrorMs: 10_000,
  transientErrorMs: 1000,
};

/** How long a failed pull shows its own error before it shows that it is waiting. */
export const pullErrorShownMs = 1000;

/** What the restart after this one has to wait for a container that ended at `finishedAt`. */
export function nextRestartDelay(last: RestartDelay | undefined, finishedAt: Date, backOff: BackOff): number {
  if (!last || finishedAt.getTime() - last.setAt.getTime() > backOff.crashResetMs) return backOff.crashInitialMs;
  return Math.min(last.delayMs * 2, backOff.crashMaxMs);
}

/** When a container that ended at `finishedAt` may start again. Its first restart is due at once. */
export function restartDueAt(last: RestartDelay | undefined, finishedAt: Date, backOff: BackOff): Date {
  const forgotten = !last || finishedAt.getTime() - last.setAt.getTime() > backOff.crashResetMs;
  return new Date(finishedAt.getTime() + (forgotten ? 0 : last.delayMs));
}

/** What a failed action says of itself. */
interface Outcome {
  reason: string;
  message: string;
  transient: boolean;
}

/** What to remember of an action that failed, given what is remembered of the time before. */
export function failureAfter(last: Failure | undefined, { reason, message, transient }: Outcome, at: Date, backOff: BackOff): Failure {
  return {
    reason,
    message,
    at,
    delayMs: growingDelay(reason, last, backOff) ?? (transient ? backOff.transientErrorMs : backOff.syncErrorMs),
  };
}

/** Of pulls and volumes, however they failed: a registry that is down is asked ever more rarely too. */
function growingDelay(reason: string, last: Failure | undefined, backOff: BackOff): number | undefined {
  const doubled = (initialMs: number, maxMs: number) => (last?.reason === reason ? Math.min(last.delayMs * 2, maxMs) : initialMs);
  if (reason === 'ErrImagePull') return doubled(backOff.imageInitialMs, backOff.imageMaxMs);
  if (reason === 'FailedMount') return doubled(backOff.mountInitialMs, backOff.mountMaxMs);
  return undefined;
}

/** How it failed the last time; undefined if it didn't. */
export function failureOf(observed: ObservedPod, fallible: Fallible): Failure | undefined {
  return observed.failures[failureKey(fallible)];
}

/** When it may be tried again, if it failed and that isn't yet. */
export function retryAt(observed: ObservedPod, fallible: Fallible, now: Date): Date | undefined {
  const failure = failureOf(observed, fallible);
  if (!failure) return undefined;
  const due = new Date(failure.at.getTime() + failure.delayMs);
  return due > now ? due : undefined;
}
