import type { StopContainers } from '../plan/action.ts';
import type { ActionContext } from './action-context.ts';
import { ActionFailure } from './action-failure.ts';
import { stopContainer } from './stop-container.ts';

/** Stops all containers side by side. */
export async function stopContainers(context: ActionContext, action: StopContainers, signal: AbortSignal): Promise<void> {
  const stops = action.containers.map((container) => stopContainer(context, container, action.gracePeriodSeconds, signal));
  await ActionFailure.explain('FailedKillPod', `error killing pod: runtime ${context.client.handler}`, async () => {
    const failed = (await Promise.allSettled(stops)).find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  });
}
