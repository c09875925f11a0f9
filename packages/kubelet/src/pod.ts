import type { Container, ContainerStatus, Pod, PodSpec, PodStatus } from '@berth/api/objects';

/** A pod's spec; sources hand on validated pods only, so it is there. */
export function specOf(pod: Pod): PodSpec {
  return pod.spec ?? { containers: [] };
}

/** Unique in time too: a pod of the same name that comes after it has another. */
export function uidOf(pod: Pod): string {
  return pod.metadata?.uid ?? '';
}

/** Unique within the namespace, at one time. */
export function nameOf(pod: Pod): string {
  return pod.metadata?.name ?? '';
}

/** `default` if the pod says none. */
export function namespaceOf(pod: Pod): string {
  return pod.metadata?.namespace || 'default';
}

/** `namespace/name`: one pod of that name runs on a node at a time. */
export function fullNameOf(pod: Pod): string {
  return `${namespaceOf(pod)}/${nameOf(pod)}`;
}

/** Init containers first, then the others, then ephemeral ones, in the order of the manifest. */
export function allContainers(pod: Pod): Container[] {
  return [...resourceContainers(pod), ...(specOf(pod).ephemeralContainers ?? [])];
}

/** Those that may ask for resources: all but the ephemeral ones. */
export function resourceContainers(pod: Pod): Container[] {
  return [...(specOf(pod).initContainers ?? []), ...specOf(pod).containers];
}

/** Init containers that run as long as the pod does, in the order of the manifest: kubelet's restartable init containers. */
export function sidecarsOf(pod: Pod): Container[] {
  return (specOf(pod).initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
}

/** Whether it is one of the pod's init containers. */
export function isInitContainer(pod: Pod, container: Container): boolean {
  return specOf(pod).initContainers?.includes(container) ?? false;
}

/** The container of that name, among the init and ephemeral ones too. */
export function findContainer(pod: Pod, name: string): Container | undefined {
  return allContainers(pod).find((container) => container.name === name);
}

/** Those of init containers first, then those of the others, then those of ephemeral ones. */
export function allStatuses(status: PodStatus | undefined): ContainerStatus[] {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {};
  return [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses];
}

/** What a pod's status says of the container of that name. */
export function findStatus(status: PodStatus | undefined, name: string): ContainerStatus | undefined {
  return allStatuses(status).find((candidate) => candidate.name === name);
}

/** Whether the pod is the node's own: from a file or a URL, and not from an API server. */
export function isStaticPod(pod: Pod): boolean {
  const source = pod.metadata?.annotations?.['kubernetes.io/config.source'];
  return source !== undefined && source !== 'api';
}

/** When this kubelet read the pod first, RFC 3339; undefined for a pod of none of its sources. */
export function seenAt(pod: Pod): string | undefined {
  return pod.metadata?.annotations?.['kubernetes.io/config.seen'];
}

/** Seconds that the pod's containers may take to end after being asked. */
export function gracePeriodOf(pod: Pod): number {
  return pod.metadata?.deletionGracePeriodSeconds ?? specOf(pod).terminationGracePeriodSeconds ?? 30;
}

/** What a container may take at least to end by itself, lest it is killed needlessly (kuberuntime_container.go: minimumGracePeriodInSeconds). */
export const leastGraceSeconds = 2;

/** A time as the Kubernetes API writes it: RFC 3339 in whole seconds. */
export function apiTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
