import { unlessAborted } from '@berth/sdk/abort';
import { StopContainerRequest } from '@berth/sdk/cri';
import { GracePeriod } from '../lifecycle/grace-period.ts';
import { preStop } from '../lifecycle/pre-stop.ts';
import type { StoppedContainer } from '../plan/action.ts';
import { findContainer, leastGraceSeconds } from '../pod.ts';
import type { ActionContext } from './action-context.ts';

export interface ContainerStop {
  gracePeriodSeconds: number;
  /** The stops of those that are to have ended before; left out: nobody's. */
  before?: Promise<unknown>;
}

/**
 * Runs the container's preStop hook, waits for its turn, and asks it to end; the runtime kills it if it hasn't after what is left of the grace
 * period. The hook waits for no turn, as with kubelet (kuberuntime/kuberuntime_container.go: killContainer).
 */
export async function stopContainer(
  context: ActionContext,
  { id, name, message }: Pick<StoppedContainer, 'id' | 'name' | 'message'>,
  { gracePeriodSeconds, before = Promise.resolve() }: ContainerStop,
  signal: AbortSignal,
): Promise<void> {
  const { client, events, pod, requestTimeoutMs } = context;
  events.record(pod, 'Normal', 'Killing', message);
  const grace = new GracePeriod(gracePeriodSeconds);
  await preStop(context, findContainer(pod, name), id, grace, signal);
  await grace.spend((limit) => until(before, limit, signal));
  const left = Math.max(leastGraceSeconds, grace.seconds);
  const request = StopContainerRequest.create({ containerId: id, timeout: BigInt(left) });
  await client.runtime.stopContainer(request, { signal, deadlineMs: left * 1000 + requestTimeoutMs });
}

/** Until `before` has come or the time is over. Throws what `before` does, and when `signal` aborts. */
async function until(before: Promise<unknown>, limit: AbortSignal, signal: AbortSignal): Promise<void> {
  try {
    await unlessAborted(before, AbortSignal.any([signal, limit]));
  } catch (thrown) {
    if (signal.aborted || !limit.aborted) throw thrown;
  }
}
