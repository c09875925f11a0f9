import { StopContainerRequest } from '@berth/sdk/cri';
import type { StopContainers } from '../plan/action.ts';
import type { ActionContext } from './action-context.ts';
import { ActionFailure } from './action-failure.ts';

/** So long a container may always take to end, lest it is killed needlessly (kuberuntime_container.go: minimumGracePeriodInSeconds). */
const leastGraceSeconds = 2;

/** Asks all containers to end, side by side; the runtime kills those that haven't after the grace period. */
export async function stopContainers(context: ActionContext, action: StopContainers, signal: AbortSignal): Promise<void> {
  const { client, events, pod, requestTimeoutMs } = context;
  const gracePeriodSeconds = Math.max(action.gracePeriodSeconds, leastGraceSeconds);
  const stops = action.containers.map(async ({ id, message }) => {
    events.record(pod, 'Normal', 'Killing', message);
    const request = StopContainerRequest.create({ containerId: id, timeout: BigInt(gracePeriodSeconds) });
    await client.runtime.stopContainer(request, { signal, deadlineMs: gracePeriodSeconds * 1000 + requestTimeoutMs });
  });
  await ActionFailure.explain('FailedKillPod', `error killing pod: runtime ${client.handler}`, async () => {
    const failed = (await Promise.allSettled(stops)).find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  });
}
