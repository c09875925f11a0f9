import type { Container, Pod } from '@berth/api/objects';
import { nameOf, namespaceOf, specOf, uidOf } from '../pod.ts';

/** The labels and annotations that kubelet puts on sandboxes and containers; other tools read them too. */
export const podNameLabel = 'io.kubernetes.pod.name';
export const podNamespaceLabel = 'io.kubernetes.pod.namespace';
export const podUidLabel = 'io.kubernetes.pod.uid';
export const containerNameLabel = 'io.kubernetes.container.name';
const restartCountAnnotation = 'io.kubernetes.container.restartCount';
/** Ours: which kubelet made the sandbox. On a runtime that others use too, only our own leftovers may be removed. */
export const kubeletRootAnnotation = 'berth.dev/kubelet-root';

function podLabels(pod: Pod): Record<string, string> {
  return { [podNameLabel]: nameOf(pod), [podNamespaceLabel]: namespaceOf(pod), [podUidLabel]: uidOf(pod) };
}

export function sandboxLabels(pod: Pod): Record<string, string> {
  return { ...pod.metadata?.labels, ...podLabels(pod) };
}

export function sandboxAnnotations(pod: Pod, kubeletRoot: string): Record<string, string> {
  return { ...pod.metadata?.annotations, [kubeletRootAnnotation]: kubeletRoot };
}

export function containerLabels(pod: Pod, container: Container): Record<string, string> {
  return { [containerNameLabel]: container.name, ...podLabels(pod) };
}

export function containerAnnotations(pod: Pod, container: Container, attempt: number): Record<string, string> {
  const { terminationGracePeriodSeconds } = specOf(pod);
  return {
    [restartCountAnnotation]: String(attempt),
    'io.kubernetes.container.terminationMessagePath': container.terminationMessagePath ?? '',
    'io.kubernetes.container.terminationMessagePolicy': container.terminationMessagePolicy ?? '',
    ...(terminationGracePeriodSeconds !== undefined && {
      'io.kubernetes.pod.terminationGracePeriod': String(terminationGracePeriodSeconds),
    }),
    ...(container.ports && { 'io.kubernetes.container.ports': JSON.stringify(container.ports) }),
  };
}
