import { isDeepStrictEqual } from 'node:util';
import type { Pod } from '@berth/api/objects';
import { failureKey } from '../plan/failure-key.ts';
import type { ObservedPod } from '../plan/observed-pod.ts';
import { allContainers, findContainer } from '../pod.ts';

/** Whether two readings of a pod ask for the same. What its source notes of when and how it was written, and the status, ask for nothing. */
export function isSamePod(a: Pod, b: Pod): boolean {
  return isDeepStrictEqual([a.spec, wishesOf(a)], [b.spec, wishesOf(b)]);
}

/** Others open a pod's readiness gates by its conditions. */
function wishesOf({ metadata = {}, spec, status }: Pod): object {
  const { labels, annotations, generation, deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  const gates = spec?.readinessGates?.map(({ conditionType }) => conditionType);
  return {
    gates: status?.conditions?.filter(({ type }) => gates?.includes(type)),
    labels,
    annotations: { ...annotations, 'kubernetes.io/config.seen': undefined },
    generation,
    deletionTimestamp,
    deletionGracePeriodSeconds,
  };
}

/** Forgets what was remembered of containers whose image has changed: how the old one failed is no reason to wait with the new one. */
export function forgetRedefined(observed: ObservedPod, before: Pod, after: Pod): void {
  for (const { name, image } of allContainers(after)) {
    if (findContainer(before, name)?.image === image) continue;
    delete observed.failures[failureKey({ kind: 'start-container', container: name })];
    delete observed.restartDelays[name];
  }
}
