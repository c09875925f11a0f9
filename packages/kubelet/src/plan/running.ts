import type { Pod } from '@berth/api/objects';
import { specOf } from '../pod.ts';
import type { Action } from './action.ts';
import { type BackOff, retryAt } from './back-off.ts';
import { deadlineOf } from './completion.ts';
import { planContainers } from './containers.ts';
import { currentSandbox } from './instances.ts';
import type { ObservedPod } from './observed-pod.ts';
import type { Steps } from './steps.ts';
import { earlier } from './wait.ts';

/** A pod that should be up: its directories, then its sandbox, then its containers. */
export function planRunning(pod: Pod, observed: ObservedPod, now: Date, backOff: BackOff): Steps {
  const steps = planDirectories(observed, now) ?? planSandbox(pod, observed, now) ?? planContainers(pod, observed, now, backOff);
  return { ...steps, wakeAt: earlier(steps.wakeAt, deadlineOf(pod, observed)) };
}

function planDirectories(observed: ObservedPod, now: Date): Steps | undefined {
  if (observed.directories === 'prepared') return undefined;
  return blocked(observed, 'prepare', now) ?? { actions: [{ kind: 'prepare' }] };
}

/** A pod whose sandbox is gone or dead gets a new one; the dead one gives back its network first. */
function planSandbox(pod: Pod, observed: ObservedPod, now: Date): Steps | undefined {
  if (currentSandbox(observed)) return undefined;
  const attempt = observed.sandboxes.reduce((next, sandbox) => Math.max(next, sandbox.attempt + 1), 0);
  const stops = observed.sandboxes.map(({ id }): Action => ({ kind: 'stop-sandbox', sandboxId: id }));
  return (
    blocked(observed, 'run-sandbox', now) ?? {
      actions: [...stops, { kind: 'run-sandbox', attempt }, ...firstImageChecks(pod, observed, now)],
    }
  );
}

/** Whether the first images are there can be found out at once, since it doesn't depend on the sandbox. */
function firstImageChecks(pod: Pod, observed: ObservedPod, now: Date): Action[] {
  const spec = specOf(pod);
  const first = spec.initContainers?.slice(0, 1) ?? [];
  const images = (first.length > 0 ? first : spec.containers)
    .filter((container) => container.imagePullPolicy !== 'Always')
    .map((container) => container.image ?? '')
    .filter((image) => !observed.images[image] && !retryAt(observed, `check-image ${image}`, now));
  return [...new Set(images)].map((image) => ({ kind: 'check-image', image }));
}

/** What to tell while an action that the whole pod needs has failed and isn't due again. */
function blocked(observed: ObservedPod, key: string, now: Date): Steps | undefined {
  const failure = observed.failures[key];
  const wakeAt = retryAt(observed, key, now);
  return failure && wakeAt ? { actions: [], wakeAt, trouble: { reason: failure.reason, message: failure.message } } : undefined;
}
