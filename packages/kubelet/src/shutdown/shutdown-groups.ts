import type { Pod } from '@berth/api/objects';
import { systemCriticalPriority } from '../admission/critical-pod.ts';
import { gracePeriodOf, specOf } from '../pod.ts';

/** Why a pod is Failed that ended with its node, as kubelet has it. */
export const shutdownReason = 'Terminated';

/** How long pods of a priority get when the node shuts down; it holds up to the next higher priority that has an entry. */
interface ShutdownGracePeriod {
  priority: number;
  shutdownGracePeriodSeconds: number;
}

/** Named after the fields of KubeletConfiguration; times in seconds. No period at all: the node doesn't end its pods. */
export interface ShutdownOptions {
  shutdownGracePeriod: number;
  /** The part of it that is kept for critical pods, at its end. */
  shutdownGracePeriodCriticalPods: number;
  /** In place of the two. */
  shutdownGracePeriodByPodPriority: readonly ShutdownGracePeriod[];
}

/** kubelet's: off. */
export const defaultShutdown: ShutdownOptions = {
  shutdownGracePeriod: 0,
  shutdownGracePeriodCriticalPods: 0,
  shutdownGracePeriodByPodPriority: [],
};

/** Pods that end together, and what each gets for it. */
export interface ShutdownGroup<P> {
  seconds: number;
  pods: { pod: P; gracePeriodSeconds: number }[];
}

/** The periods in force, from the lowest priority to the highest; none: graceful shutdown is off. */
export function shutdownPeriods(options: ShutdownOptions): ShutdownGracePeriod[] {
  const { shutdownGracePeriod: all, shutdownGracePeriodCriticalPods: critical, shutdownGracePeriodByPodPriority: own } = options;
  if (own.length > 0) return own.toSorted((a, b) => a.priority - b.priority);
  if (all <= 0) return [];
  return [
    { priority: 0, shutdownGracePeriodSeconds: all - critical },
    { priority: systemCriticalPriority, shutdownGracePeriodSeconds: critical },
  ];
}

/**
 * The pods in the order in which they end: those of the lowest priority first. A pod below every priority goes with the lowest. None gets more than
 * its group, nor more than it asks for.
 */
export function shutdownGroups<P>(
  periods: readonly ShutdownGracePeriod[],
  pods: readonly P[],
  podOf: (each: P) => Pod,
): ShutdownGroup<P>[] {
  const groups = periods.map(({ shutdownGracePeriodSeconds: seconds }): ShutdownGroup<P> => ({ seconds, pods: [] }));
  for (const each of pods) {
    const priority = specOf(podOf(each)).priority ?? 0;
    const index = Math.max(
      0,
      periods.findLastIndex((period) => period.priority <= priority),
    );
    const group = groups[index];
    group?.pods.push({ pod: each, gracePeriodSeconds: Math.min(group.seconds, gracePeriodOf(podOf(each))) });
  }
  return groups.filter((group) => group.pods.length > 0);
}
