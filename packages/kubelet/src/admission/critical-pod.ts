import type { Pod } from '@berth/api/objects';
import { isStaticPod, specOf } from '../pod.ts';
import { isMirrorPod } from '../sources/api-source.ts';

/** The priority of system-cluster-critical; no pod of users has one as great. */
export const systemCriticalPriority = 2_000_000_000;

/** Whether the node does without others for the pod's sake: a static pod, a mirror of one, or one of the system's own priorities. */
export function isCriticalPod(pod: Pod): boolean {
  return isStaticPod(pod) || isMirrorPod(pod) || hasSystemPriority(pod);
}

/** Whether the pod has one of the system's own priorities. */
export function hasSystemPriority(pod: Pod): boolean {
  return (specOf(pod).priority ?? 0) >= systemCriticalPriority;
}

/** Whether the node can't do without the pod itself: the kernel is to end it last. */
export function isNodeCriticalPod(pod: Pod): boolean {
  return isCriticalPod(pod) && specOf(pod).priorityClassName === 'system-node-critical';
}

/** Whether `victim` may be ended to make room for `pod`. */
export function isPreemptable(pod: Pod, victim: Pod): boolean {
  if (isCriticalPod(pod) && !isCriticalPod(victim)) return true;
  const [own, other] = [specOf(pod).priority, specOf(victim).priority];
  return own !== undefined && other !== undefined && own > other;
}
