import type { Pod } from '@berth/api/objects';
import { specOf, uidOf } from '../pod.ts';
import type { PodStats } from '../stats/summary.ts';
import { type DiskPart, requestOf, usageOf } from './pod-usage.ts';
import type { ShortResource } from './signals.ts';

/** The figures of pods by uid. */
export type StatsByPod = ReadonlyMap<string, PodStats>;

/**
 * The pods in the order in which they are evicted (kubelet, eviction/helpers.go): those that use more than they request, then those of
 * lower priority, then those that use most above their request. Of processes nobody requests any: priority, then how many there are.
 * A pod without figures comes first, since nobody knows what it uses.
 */
export function rankPods(pods: readonly Pod[], stats: StatsByPod, resource: ShortResource, parts?: readonly DiskPart[]): Pod[] {
  const ranked = pods.map((pod) => {
    const figures = stats.get(uidOf(pod));
    const usage = figures && usageOf(pod, figures, resource, parts);
    const request = requestOf(pod, resource);
    const exceeds = resource !== 'pids' && (usage === undefined || usage > request);
    return { pod, exceeds, priority: specOf(pod).priority ?? 0, over: usage === undefined ? undefined : usage - request };
  });
  return ranked
    .toSorted((a, b) => Number(b.exceeds) - Number(a.exceeds) || a.priority - b.priority || more(a.over, b.over))
    .map(({ pod }) => pod);
}

/** More first, what nobody knows before all. */
function more(one: bigint | undefined, other: bigint | undefined): number {
  if (one === undefined || other === undefined) return Number(other === undefined) - Number(one === undefined);
  return one > other ? -1 : one < other ? 1 : 0;
}
