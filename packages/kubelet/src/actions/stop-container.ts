import { StopContainerRequest } from '@berth/sdk/cri';
import { preStop } from '../lifecycle/pre-stop.ts';
import type { StoppedContainer } from '../plan/action.ts';
import { findContainer, leastGraceSeconds } from '../pod.ts';
import type { ActionContext } from './action-context.ts';

/** Runs the container's preStop hook, and asks it to end; the runtime kills it if it hasn't after what is left of the grace period. */
export async function stopContainer(
  context: ActionContext,
  { id, name, message }: Pick<StoppedContainer, 'id' | 'name' | 'message'>,
  gracePeriodSeconds: number,
  signal: AbortSignal,
): Promise<void> {
  const { client, events, pod, requestTimeoutMs } = context;
  events.record(pod, 'Normal', 'Killing', message);
  const tookSeconds = await preStop(context, findContainer(pod, name), id, gracePeriodSeconds, signal);
  const left = Math.max(leastGraceSeconds, gracePeriodSeconds - tookSeconds);
  const request = StopContainerRequest.create({ containerId: id, timeout: BigInt(left) });
  await client.runtime.stopContainer(request, { signal, deadlineMs: left * 1000 + requestTimeoutMs });
}
