import type { Container, Pod } from '@berth/api/objects';
import { definitionHash } from '../plan/definition-hash.ts';
import { nameOf, namespaceOf, specOf, uidOf } from '../pod.ts';

/** The pod's name, on sandboxes and containers, where other tools look for it too; as all of these, kubelet's (kubelet/types/labels.go). */
export const podNameLabel = 'io.kubernetes.pod.name';
/** The pod's namespace, on sandboxes and containers. */
export const podNamespaceLabel = 'io.kubernetes.pod.namespace';
/** The pod's uid, on sandboxes and containers: by it the kubelet knows its own again. */
export const podUidLabel = 'io.kubernetes.pod.uid';
/** The container's name in the pod's spec, on containers. */
export const containerNameLabel = 'io.kubernetes.container.name';
/** What the instance was made of, on containers. */
export const definitionAnnotation = 'io.kubernetes.container.hash';
/** Ours: the resources that the instance was made with, as JSON, on containers: what CRI tells of them can't be turned back into amounts. */
export const resourcesAnnotation = 'berth.dev/resources';
/** Where in the container its termination message is written, on containers. */
export const terminationMessagePathAnnotation = 'io.kubernetes.container.terminationMessagePath';
/** `File` or `FallbackToLogsOnError`, on containers. */
export const terminationMessagePolicyAnnotation = 'io.kubernetes.container.terminationMessagePolicy';
/** Ours: which kubelet made the sandbox. On a runtime that others use too, only our own leftovers may be removed. */
export const kubeletRootAnnotation = 'berth.dev/kubelet-root';

function podLabels(pod: Pod): Record<string, string> {
  return { [podNameLabel]: nameOf(pod), [podNamespaceLabel]: namespaceOf(pod), [podUidLabel]: uidOf(pod) };
}

/** The pod's own labels, and kubelet's. */
export function sandboxLabels(pod: Pod): Record<string, string> {
  return { ...pod.metadata?.labels, ...podLabels(pod) };
}

/** The pod's own annotations, and which kubelet made the sandbox. */
export function sandboxAnnotations(pod: Pod, kubeletRoot: string): Record<string, string> {
  return { ...pod.metadata?.annotations, [kubeletRootAnnotation]: kubeletRoot };
}

/** Which container of which pod it is. */
export function containerLabels(pod: Pod, container: Container): Record<string, string> {
  return { [containerNameLabel]: container.name, ...podLabels(pod) };
}

/** What kubelet notes of a container for the time after (kuberuntime/labels.go). */
export function containerAnnotations(pod: Pod, container: Container, attempt: number): Record<string, string> {
  const { terminationGracePeriodSeconds } = specOf(pod);
  return {
    [definitionAnnotation]: definitionHash(container),
    [resourcesAnnotation]: JSON.stringify(container.resources ?? {}),
    'io.kubernetes.container.restartCount': String(attempt),
    [terminationMessagePathAnnotation]: container.terminationMessagePath ?? '',
    [terminationMessagePolicyAnnotation]: container.terminationMessagePolicy ?? '',
    ...(terminationGracePeriodSeconds !== undefined && {
      'io.kubernetes.pod.terminationGracePeriod': String(terminationGracePeriodSeconds),
    }),
    ...(container.ports && { 'io.kubernetes.container.ports': JSON.stringify(container.ports) }),
  };
}
