import type { Container } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { type ActionContext, handlerTarget } from '../actions/action-context.ts';
import { fullNameOf, uidOf } from '../pod.ts';
import { runHook } from './run-hook.ts';

/** A timer may ring in the millisecond before its time: a sleep of a second takes one. */
const timerEarlyMs = 1;

/**
 * Runs a container's preStop hook, if it has one and there is time, and gives how many whole seconds that took. A hook that fails or takes
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
  if (!hook || gracePeriodSeconds <= 0) return 0;
  const startedAt = performance.now();
  const limit = AbortSignal.timeout(gracePeriodSeconds * 1000);
  try {
    await runHook(hook, handlerTarget(context, container, containerId), AbortSignal.any([signal, limit]));
  } catch (thrown) {
    signal.throwIfAborted();
    const about = { pod: fullNameOf(context.pod), uid: uidOf(context.pod), container: container.name, containerId };
    if (limit.aborted) context.log.info({ ...about, gracePeriodSeconds }, 'the preStop hook was not completed in the grace period');
    else tellFailure(context, PluginError.from(thrown), about);
  }
  return Math.floor((performance.now() - startedAt + timerEarlyMs) / 1000);
}

/** The hook's answer may hold secrets, and events are read by many: the cause is for the log alone, as with kubelet. */
function tellFailure({ events, log, pod }: ActionContext, cause: PluginError, about: object): void {
  log.error(about, `the preStop hook failed: ${cause.message}`);
  events.record(pod, 'Warning', 'FailedPreStopHook', 'PreStopHook failed');
}
