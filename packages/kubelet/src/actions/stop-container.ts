import { StopContainerRequest } from '@berth/sdk/cri';
import { preStop } from '../lifecycle/pre-stop.ts';
import { findContainer } from '../pod.ts';
import type { ActionContext } from './action-context.ts';

/** How one container is stopped. */
interface Stop {
  gracePeriodSeconds: number;
  /** For the reader of the event. */
  message: string;
}

/** Runs the container's preStop hook, and asks it to end; the runtime kills it if it hasn't after what is left of the grace period. */
export async function stopContainer(
  context: ActionContext,
  { id, name }: { id: string; name: string },
  { gracePeriodSeconds, message }: Stop,
  signal: AbortSignal,
): Promise<void> {
  const { client, events, pod, requestTimeoutMs } = context;
  events.record(pod, 'Normal', 'Killing', message);
  const left = await preStop(context, findContainer(pod, name), id, gracePeriodSeconds, signal);
  const request = StopContainerRequest.create({ containerId: id, timeout: BigInt(left) });
  await client.runtime.stopContainer(request, { signal, deadlineMs: left * 1000 + requestTimeoutMs });
}
