import type { Pod } from '@berth/api/objects';
import { addTo, podRequests, type ResourceAmounts } from '@berth/api/resource-amounts';

/** A resource of which the node has too little left for a pod. Amounts: cpu in millicores, bytes, pieces. */
export interface Insufficient {
  resource: string;
  requested: bigint;
  used: bigint;
  capacity: bigint;
}

/** What a pod requests, and itself, as one of the pods that a node may have. */
export function requestsOf(pod: Pod): ResourceAmounts {
  return new Map([['pods', 1n], ...podRequests(pod)]);
}

/** What of the pod's requests doesn't fit beside those of `others`, in the order of kube-scheduler's NodeResourcesFit. */
export function insufficientResources(pod: Pod, others: readonly Pod[], allocatable: ResourceAmounts): Insufficient[] {
  const used = new Map<string, bigint>();
  for (const other of others) addTo(used, requestsOf(other));
  return [...requestsOf(pod)].flatMap(([resource, requested]) => {
    const [taken, capacity] = [used.get(resource) ?? 0n, allocatable.get(resource) ?? 0n];
    return requested > 0n && requested > capacity - taken ? [{ resource, requested, used: taken, capacity }] : [];
  });
}
