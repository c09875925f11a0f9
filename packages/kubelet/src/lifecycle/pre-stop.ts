import type { Container } from '@berth/api/objects';
import { type ActionContext, handlerTarget } from '../actions/action-context.ts';
import { runHook } from './run-hook.ts';

/** A container whose hook has used its grace period up still gets this long; in seconds, as kubelet's minimumGracePeriodInSeconds. */
const shortestGraceSeconds = 2;

/**
 * Runs a container's preStop hook, if it has one and there is time, and gives the seconds of grace that are left. A hook that fails or takes
 * longer than the grace period keeps nothing from being stopped.
 */
export async function preStop(
  context: ActionContext,
  container: Container | undefined,
  containerId: string,
  gracePeriodSeconds: number,
  signal: AbortSignal,
): Promise<number> {
  const hook = container?.lifecycle?.preStop;
  if (!hook || gracePeriodSeconds <= 0) return gracePeriodSeconds;
  const startedAt = performance.now();
  const limit = AbortSignal.timeout(gracePeriodSeconds * 1000);
  try {
    await runHook(hook, handlerTarget(context, container, containerId), AbortSignal.any([signal, limit]));
  } catch {
    signal.throwIfAborted();
    if (!limit.aborted) context.events.record(context.pod, 'Warning', 'FailedPreStopHook', 'PreStopHook failed');
  }
  const took = Math.floor((performance.now() - startedAt) / 1000);
  return Math.max(shortestGraceSeconds, gracePeriodSeconds - took);
}
