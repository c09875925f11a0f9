import type { Pod } from '@berth/api/objects';
import { gracePeriodOf, specOf } from '../pod.ts';
import { instancesOf, isDone } from './instances.ts';
import type { ObservedPod } from './observed-pod.ts';
import type { Steps } from './steps.ts';
import { planStop } from './termination.ts';

/** Whether the pod has ended for good: by its restartPolicy, by its deadline, or because that has been told already. */
export function isCompleted(pod: Pod, observed: ObservedPod, now: Date): boolean {
  const phase = observed.previous?.phase;
  if (phase === 'Succeeded' || phase === 'Failed') return true;
  const { containers } = specOf(pod);
  return (
    isPastDeadline(pod, observed, now) ||
    initFailed(pod, observed) ||
    (containers.length > 0 && containers.every((container) => isDone(pod, container, observed)))
  );
}

/** An init container that failed and isn't started again ends the pod. */
function initFailed(pod: Pod, observed: ObservedPod): boolean {
  return (specOf(pod).initContainers ?? []).some((container) => {
    const [newest] = instancesOf(observed, container.name);
    return newest?.state === 'exited' && newest.exitCode !== 0 && isDone(pod, container, observed);
  });
}

/** When the pod's activeDeadlineSeconds are over; undefined without a deadline, or if it hasn't started. */
export function deadlineOf(pod: Pod, observed: ObservedPod): Date | undefined {
  const seconds = specOf(pod).activeDeadlineSeconds;
  const started = observed.previous?.startTime;
  return seconds === undefined || !started ? undefined : new Date(new Date(started).getTime() + seconds * 1000);
}

/** Whether the pod's activeDeadlineSeconds are over. */
export function isPastDeadline(pod: Pod, observed: ObservedPod, now: Date): boolean {
  const deadline = deadlineOf(pod, observed);
  return deadline !== undefined && deadline <= now;
}

/**
 * A pod that runs no more though nobody has deleted it: it has ended by itself, its deadline is over, or the node has evicted or refused it. What
 * still runs is stopped, the sidecars last; network, volumes and cgroup are given back. Its dead containers stay, for their logs.
 */
export function planEnded(pod: Pod, observed: ObservedPod, now: Date): Steps {
  return planStop(pod, observed, observed.eviction?.gracePeriodSeconds ?? gracePeriodOf(pod), now) ?? { actions: [] };
}
