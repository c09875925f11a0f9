import type { Pod } from '@berth/api/objects';
import type { ResourceAmounts } from '@berth/api/resource-amounts';
import { qosClassOf } from '../plan/qos-class.ts';
import { isPreemptable } from './critical-pod.ts';
import { type Insufficient, requestsOf } from './insufficient-resources.ts';

/**
 * The pods to end so that a critical one fits (kubelet's preemption): as few as can be of the lower classes, and of the higher ones only
 * what these can't give. Undefined where even all of them wouldn't do.
 */
export function preemptionVictims(pod: Pod, running: readonly Pod[], missing: readonly Insufficient[]): Pod[] | undefined {
  const needs = new Map(missing.map(({ resource, requested, used, capacity }) => [resource, requested - (capacity - used)]));
  const candidates = running.filter((candidate) => isPreemptable(pod, candidate));
  const [bestEffort = [], burstable = [], guaranteed = []] = (['BestEffort', 'Burstable', 'Guaranteed'] as const).map((qosClass) =>
    candidates.filter((candidate) => qosClassOf(candidate) === qosClass),
  );
  if (without(needs, candidates).size > 0) return undefined;
  const ofGuaranteed = closest(guaranteed, without(needs, [...bestEffort, ...burstable]));
  const ofBurstable = closest(burstable, without(needs, [...bestEffort, ...ofGuaranteed]));
  const ofBestEffort = closest(bestEffort, without(needs, [...ofBurstable, ...ofGuaranteed]));
  return [...ofBestEffort, ...ofBurstable, ...ofGuaranteed];
}

/** Takes the pod that comes nearest to the needs, and so on with what is left of them. */
function closest(pods: readonly Pod[], needs: ResourceAmounts): Pod[] {
  const [chosen, left] = [[] as Pod[], [...pods]];
  for (let open = needs; open.size > 0 && left.length > 0; ) {
    const best = left.reduce((nearest, candidate) => (isNearer(candidate, nearest, open) ? candidate : nearest));
    left.splice(left.indexOf(best), 1);
    chosen.push(best);
    open = without(open, [best]);
  }
  return chosen;
}

/** Of two equally near ones the smaller is ended. */
function isNearer(candidate: Pod, nearest: Pod, needs: ResourceAmounts): boolean {
  const [own, other] = [distance(candidate, needs), distance(nearest, needs)];
  if (own !== other) return own < other;
  const differing = ['memory', 'cpu'].find((name) => requestsOf(candidate).get(name) !== requestsOf(nearest).get(name));
  return differing !== undefined && (requestsOf(candidate).get(differing) ?? 0n) < (requestsOf(nearest).get(differing) ?? 0n);
}

/** How much of the needs a pod leaves open: the sum of the squares of what is missing of each. */
function distance(pod: Pod, needs: ResourceAmounts): number {
  const requests = requestsOf(pod);
  return [...needs].reduce((sum, [name, need]) => {
    const missing = need - (requests.get(name) ?? 0n);
    return missing > 0n ? sum + (Number(missing) / Number(need)) ** 2 : sum;
  }, 0);
}

/** The needs that are left when these pods are gone. */
function without(needs: ResourceAmounts, pods: readonly Pod[]): Map<string, bigint> {
  const left = new Map(needs);
  for (const pod of pods) for (const [name, amount] of requestsOf(pod)) left.set(name, (left.get(name) ?? 0n) - amount);
  return new Map([...left].filter(([, amount]) => amount > 0n));
}
