import type { Pod } from '@berth/api/objects';
import { sidecarsOf } from '../pod.ts';
import type { Action, StoppedContainer } from './action.ts';
import { failureOf, retryAt } from './back-off.ts';
import type { ObservedPod } from './observed-pod.ts';
import type { Steps } from './steps.ts';
import { earlier } from './wait.ts';

/** The end of a pod: containers, sandboxes and directories, then what remains of the first two. Each step waits for the one before. */
export function planTermination(pod: Pod, observed: ObservedPod, gracePeriodSeconds: number, now: Date): Steps {
  return planStop(pod, observed, gracePeriodSeconds, now) ?? planRemains(observed, now) ?? { actions: [], finished: true };
}

/** Everything that a pod which runs no more gives back; undefined once it has. */
export function planStop(pod: Pod, observed: ObservedPod, gracePeriodSeconds: number, now: Date): Steps | undefined {
  const containers = stopsOf(pod, observed);
  if (containers.length > 0) {
    const left = graceLeft(observed, gracePeriodSeconds, now);
    return due([{ kind: 'stop-containers', containers, gracePeriodSeconds: left, podEnds: true }], observed, now);
  }
  const ready = observed.sandboxes.filter((sandbox) => sandbox.ready);
  if (ready.length > 0)
    return due(
      ready.map(({ id }) => ({ kind: 'stop-sandbox', sandboxId: id })),
      observed,
      now,
    );
  if (observed.directories !== 'removed') return due([{ kind: 'clean-up' }], observed, now);
  return undefined;
}

/** All containers but the sidecars at once; then the sidecars one by one, the last of the manifest first. */
function stopsOf(pod: Pod, { containers }: ObservedPod): StoppedContainer[] {
  const order = sidecarsOf(pod)
    .map(({ name }) => name)
    .toReversed();
  return containers
    .filter(({ state }) => state === 'running' || state === 'unknown')
    .map(({ id, name }) => ({ id, name, message: `Stopping container ${name}`, turn: order.indexOf(name) + 1 }))
    .toSorted((a, b) => a.turn - b.turn);
}

/** The grace period is the pod's: what those before have used of it is gone for those that come after. */
function graceLeft({ endingSince }: ObservedPod, gracePeriodSeconds: number, now: Date): number {
  const used = endingSince ? (now.getTime() - endingSince.getTime()) / 1000 : 0;
  return Math.max(0, Math.ceil(gracePeriodSeconds - Math.max(0, used)));
}

function planRemains(observed: ObservedPod, now: Date): Steps | undefined {
  if (observed.containers.length > 0) {
    return due(
      observed.containers.map(({ id, name }) => ({ kind: 'remove-container', containerId: id, container: name })),
      observed,
      now,
    );
  }
  if (observed.sandboxes.length > 0)
    return due(
      observed.sandboxes.map(({ id }) => ({ kind: 'remove-sandbox', sandboxId: id })),
      observed,
      now,
    );
  return undefined;
}

/** The actions that may be tried; what has just failed waits, and the whole says why. */
function due(actions: Action[], observed: ObservedPod, now: Date): Steps {
  const waiting = actions.filter((action) => retryAt(observed, action, now));
  const [first] = waiting;
  const failure = first && failureOf(observed, first);
  return {
    actions: actions.filter((action) => !waiting.includes(action)),
    wakeAt: waiting.map((action) => retryAt(observed, action, now)).reduce(earlier, undefined),
    ...(failure && { trouble: { reason: failure.reason, message: failure.message } }),
  };
}
