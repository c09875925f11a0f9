import type { Pod, PodStatus } from '@berth/api/objects';
import type { Action } from './plan/action.ts';
import { type BackOff, defaultBackOff, failureOf, retryAt } from './plan/back-off.ts';
import { isCompleted, planEnded } from './plan/completion.ts';
import type { ObservedPod } from './plan/observed-pod.ts';
import { podStatus } from './plan/pod-status.ts';
import { planRunning } from './plan/running.ts';
import type { Steps } from './plan/steps.ts';
import { planTermination } from './plan/termination.ts';
import type { Wait } from './plan/wait.ts';
import { allStatuses } from './pod.ts';

/** What the planner says of a pod. */
export interface Plan {
  /** To be carried out in this order, each whether or not the one before succeeded; then the planner is asked again. */
  actions: Action[];
  status: PodStatus;
  /** When to ask again although nothing happened. */
  wakeAt?: Date;
  /** The pod has ended and left nothing behind. */
  finished?: true;
  /** What holds up the whole pod. */
  trouble?: Wait;
}

/**
 * What to do for a pod, and what to tell of it: pure, so that every behaviour of the kubelet can be read off a table. Given the same
 * state twice it says the same twice; without an action to do it says what would change that, in `wakeAt`.
 */
export function plan(pod: Pod, observed: ObservedPod, now: Date, backOff: BackOff = defaultBackOff): Plan {
  const steps = stepsFor(pod, observed, now, backOff);
  const { actions, wakeAt, finished, trouble } = steps;
  return {
    actions,
    status: podStatus(pod, observed, now, steps),
    ...(wakeAt && { wakeAt }),
    ...(finished && { finished }),
    ...(trouble && { trouble: { reason: trouble.reason, message: trouble.message } }),
  };
}

function stepsFor(pod: Pod, observed: ObservedPod, now: Date, backOff: BackOff): Steps {
  const unseen = failureOf(observed, { kind: 'observe' });
  if (unseen) return { actions: [], trouble: unseen, waits: waitsTold(observed), wakeAt: retryAt(observed, { kind: 'observe' }, now) };
  if (observed.deletion) return planTermination(pod, observed, observed.deletion.gracePeriodSeconds, now);
  if (observed.refusal || observed.eviction || isCompleted(pod, observed, now)) return planEnded(pod, observed, now);
  return planRunning(pod, observed, now, backOff);
}

/** What containers waited for when the runtime was seen last: as far as anybody knows they do yet. */
function waitsTold({ previous }: ObservedPod): Record<string, Wait> {
  return Object.fromEntries(
    allStatuses(previous).flatMap(({ name, state }) => {
      const { reason, message } = state?.waiting ?? {};
      return reason === undefined ? [] : [[name, { reason, ...(message !== undefined && { message }) }]];
    }),
  );
}
