import type { Pod } from '@berth/api/objects';
import { podRequests, type ResourceAmounts } from '@berth/api/resource-amounts';
import type { PodInfo } from '@berth/sdk/scheduler';

/** What a container counts for in scores if it requests nothing, so that such pods are spread too (kube-scheduler's defaults). */
const unsetRequests: ResourceAmounts = new Map([
  ['cpu', 100n],
  ['memory', 200n * 1024n ** 2n],
]);

const scored = new WeakMap<PodInfo, ResourceAmounts>();

/** A defaulted pod with the sums that every plugin asks for. Without a uid, namespace and name tell pods apart. */
export function podInfo(pod: Pod): PodInfo {
  return { uid: pod.metadata?.uid ?? fullNameOf(pod), pod, requests: podRequests(pod) };
}

/** What the pod requests where requests are compared, not guaranteed: containers that request nothing count as a little. */
export function scoredRequests(info: PodInfo): ResourceAmounts {
  const known = scored.get(info);
  if (known) return known;
  const requests = podRequests(info.pod, unsetRequests);
  scored.set(info, requests);
  return requests;
}

/** `namespace/name` */
export function fullNameOf({ metadata }: Pod): string {
  return `${metadata?.namespace ?? 'default'}/${metadata?.name ?? ''}`;
}

export function priorityOf({ pod }: PodInfo): number {
  return pod.spec?.priority ?? 0;
}

/** The profile that the pod asks for. */
export function schedulerNameOf({ pod }: PodInfo): string {
  return pod.spec?.schedulerName || 'default-scheduler';
}
