import type { Container } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { type ActionContext, handlerTarget } from '../actions/action-context.ts';
import { fullNameOf, uidOf } from '../pod.ts';
import type { GracePeriod } from './grace-period.ts';
import { runHook } from './run-hook.ts';

/** Runs a container's preStop hook, if it has one and there is time. A hook that fails or takes longer keeps nothing from being stopped. */
export async function preStop(
  context: ActionContext,
  container: Container | undefined,
  containerId: string,
  grace: GracePeriod,
  signal: AbortSignal,
): Promise<void> {
  const hook = container?.lifecycle?.preStop;
  if (!hook) return;
  const gracePeriodSeconds = grace.seconds;
  await grace.spend(async (limit) => {
    try {
      await runHook(hook, handlerTarget(context, container, containerId), AbortSignal.any([signal, limit]));
    } catch (thrown) {
      signal.throwIfAborted();
      const about = { pod: fullNameOf(context.pod), uid: uidOf(context.pod), container: container.name, containerId };
      if (limit.aborted) context.log.info({ ...about, gracePeriodSeconds }, 'the preStop hook was not completed in the grace period');
      else tellFailure(context, PluginError.from(thrown), about);
    }
  });
}

/** The hook's answer may hold secrets, and events are read by many: the cause is for the log alone, as with kubelet. */
function tellFailure({ events, log, pod }: ActionContext, cause: PluginError, about: object): void {
  log.error(about, `the preStop hook failed: ${cause.message}`);
  events.record(pod, 'Warning', 'FailedPreStopHook', 'PreStopHook failed');
}
