import type { StopContainers, StoppedContainer } from '../plan/action.ts';
import type { ActionContext } from './action-context.ts';
import { ActionFailure } from './action-failure.ts';
import { stopContainer } from './stop-container.ts';

/** Stops all containers side by side; each waits for those of lower turns before it is asked to end. */
export async function stopContainers(context: ActionContext, action: StopContainers, signal: AbortSignal): Promise<void> {
  const stops: { turn: number; stop: Promise<void> }[] = [];
  for (const container of action.containers.toSorted((a, b) => turnOf(a) - turnOf(b))) {
    const turn = turnOf(container);
    const before = Promise.all(stops.filter((earlier) => earlier.turn < turn).map(({ stop }) => stop));
    // Whoever waits for it is told, and so is this action; until one waits, nobody is.
    before.catch(() => undefined);
    stops.push({ turn, stop: stopContainer(context, container, { gracePeriodSeconds: action.gracePeriodSeconds, before }, signal) });
  }
  const what = action.podEnds ? 'pod' : 'container';
  await ActionFailure.explain('FailedKillPod', `error killing ${what}: runtime ${context.client.handler}`, async () => {
    const failed = (await Promise.allSettled(stops.map(({ stop }) => stop))).find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  });
}

function turnOf({ turn = 0 }: StoppedContainer): number {
  return turn;
}
