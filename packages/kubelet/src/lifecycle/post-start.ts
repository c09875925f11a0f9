import type { Container } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { type ActionContext, handlerTarget } from '../actions/action-context.ts';
import { ActionFailure } from '../actions/action-failure.ts';
import { stopContainer } from '../actions/stop-container.ts';
import { gracePeriodOf } from '../pod.ts';
import { runHook } from './run-hook.ts';

/** Runs a container's postStart hook, if it has one; where that fails the container is stopped, and its restart policy says what comes next. */
export async function postStart(context: ActionContext, container: Container, containerId: string, signal: AbortSignal): Promise<void> {
  const hook = container.lifecycle?.postStart;
  if (!hook) return;
  try {
    await runHook(hook, handlerTarget(context, container, containerId), signal);
  } catch (thrown) {
    signal.throwIfAborted();
    const cause = PluginError.from(thrown);
    // The hook's answer may hold secrets, and events are read by many.
    context.events.record(context.pod, 'Warning', 'FailedPostStartHook', 'PostStartHook failed');
    const stopped = { id: containerId, name: container.name, message: 'FailedPostStartHook' };
    await ActionFailure.explain('FailedKillPod', `error killing container: runtime ${context.client.handler}`, () =>
      stopContainer(context, stopped, { gracePeriodSeconds: gracePeriodOf(context.pod) }, signal),
    );
    throw new ActionFailure('PostStartHookError', cause.message, cause, { recorded: true });
  }
}
