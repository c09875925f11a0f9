import type { Pod } from '@berth/api/objects';
import { specOf } from '../pod.ts';
import type { Action } from './action.ts';
import { type BackOff, failureOf, retryAt } from './back-off.ts';
import { deadlineOf } from './completion.ts';
import { planContainers } from './containers.ts';
import type { Fallible } from './failure-key.ts';
import { currentSandbox } from './instances.ts';
import type { ObservedPod } from './observed-pod.ts';
import type { Steps } from './steps.ts';
import { earlier } from './wait.ts';

/** A pod that should be up: its directories and devices, then its sandbox, then its containers. */
export function planRunning(pod: Pod, observed: ObservedPod, now: Date, backOff: BackOff): Steps {
  const refresh = planRefresh(observed, now);
  const steps = planPreparation(observed, now) ?? planSandbox(pod, observed, now) ?? planContainers(pod, observed, now, backOff);
  const wakeAt = [refresh.wakeAt, deadlineOf(pod, observed)].reduce(earlier, steps.wakeAt);
  return { ...steps, actions: [...refresh.actions, ...steps.actions], wakeAt };
}

/** A volume that can't be brought up to date keeps what it shows, and holds nothing else up. */
function planRefresh(observed: ObservedPod, now: Date): Steps {
  if (observed.directories !== 'prepared' || !observed.volumesStale) return { actions: [] };
  const refresh = { kind: 'refresh-volumes' } as const;
  const wakeAt = retryAt(observed, refresh, now);
  return wakeAt ? { actions: [], wakeAt } : { actions: [refresh] };
}

/** What is needed before the runtime is asked for anything. Neither waits for the other; how one failed is told until it has succeeded. */
function planPreparation(observed: ObservedPod, now: Date): Steps | undefined {
  const needed = [
    ...(observed.directories === 'prepared' ? [] : [{ kind: 'prepare' } as const]),
    ...(observed.devicesPending ? [{ kind: 'allocate-devices' } as const] : []),
  ];
  if (needed.length === 0) return undefined;
  const [failure] = needed.flatMap((action) => failureOf(observed, action) ?? []);
  return {
    actions: needed.filter((action) => !retryAt(observed, action, now)),
    wakeAt: needed.map((action) => retryAt(observed, action, now)).reduce(earlier, undefined),
    ...(failure && { trouble: { reason: failure.reason, message: failure.message } }),
  };
}

/** A pod whose sandbox is gone or dead gets a new one; the dead one gives back its network first. */
function planSandbox(pod: Pod, observed: ObservedPod, now: Date): Steps | undefined {
  if (currentSandbox(observed)) return undefined;
  const attempt = observed.sandboxes.reduce((next, sandbox) => Math.max(next, sandbox.attempt + 1), 0);
  const stops = observed.sandboxes.map(({ id }): Action => ({ kind: 'stop-sandbox', sandboxId: id }));
  const run = { kind: 'run-sandbox', attempt } as const;
  return whenDue(observed, run, [...stops, run, ...firstImageChecks(pod, observed, now)], now);
}

/** Whether the first images are there can be found out at once, since it doesn't depend on the sandbox. */
function firstImageChecks(pod: Pod, observed: ObservedPod, now: Date): Action[] {
  const spec = specOf(pod);
  const first = spec.initContainers?.slice(0, 1) ?? [];
  const images = (first.length > 0 ? first : spec.containers)
    .filter((container) => container.imagePullPolicy !== 'Always')
    .map((container) => container.image ?? '')
    .filter((image) => !observed.images[image]);
  const checks = [...new Set(images)].map((image) => ({ kind: 'check-image', image }) as const);
  return checks.filter((check) => !retryAt(observed, check, now));
}

/** The actions, once the one that the whole pod needs is due; how that failed is told until it has succeeded. */
function whenDue(observed: ObservedPod, needed: Fallible, actions: Action[], now: Date): Steps {
  const failure = failureOf(observed, needed);
  if (!failure) return { actions };
  const trouble = { reason: failure.reason, message: failure.message };
  const wakeAt = retryAt(observed, needed, now);
  return wakeAt ? { actions: [], wakeAt, trouble } : { actions, trouble };
}
