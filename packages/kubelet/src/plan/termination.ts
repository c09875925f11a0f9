import type { Action } from './action.ts';
import { failureOf, retryAt } from './back-off.ts';
import type { ObservedPod } from './observed-pod.ts';
import type { Steps } from './steps.ts';
import { earlier } from './wait.ts';

/** The end of a pod: containers side by side, sandboxes, what remains of both, directories. Each step waits for the one before. */
export function planTermination(observed: ObservedPod, gracePeriodSeconds: number, now: Date): Steps {
  return planStop(observed, gracePeriodSeconds, now, 'Stopping container') ?? planRemains(observed, now) ?? { actions: [], finished: true };
}

/** Everything that a pod which runs no more gives back; undefined once it has. */
export function planStop(observed: ObservedPod, gracePeriodSeconds: number, now: Date, reason: string): Steps | undefined {
  const alive = observed.containers.filter(({ state }) => state === 'running' || state === 'unknown');
  if (alive.length > 0) {
    const containers = alive.map(({ id, name }) => ({ id, name }));
    return due([{ kind: 'stop-containers', containers, gracePeriodSeconds, reason }], observed, now);
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
