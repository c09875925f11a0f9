import type { Pod } from '@berth/api/objects';
import { allContainers, namespaceOf, specOf } from './pod.ts';
import type { ReferredObjects } from './sources/object-source.ts';

/** Whether a pod refers to an object: in a volume, a variable, as a secret for pulls, or as its service account. */
export function refersTo(pod: Pod, kind: keyof ReferredObjects, namespace: string, name: string): boolean {
  return namespaceOf(pod) === namespace && namesOf[kind](pod).some((each) => each === name);
}

const namesOf: Record<keyof ReferredObjects, (pod: Pod) => (string | undefined)[]> = {
  ConfigMap: (pod) => [
    ...volumesOf(pod).map(({ configMap }) => configMap?.name),
    ...projectionsOf(pod).map(({ configMap }) => configMap?.name),
    ...allContainers(pod).flatMap(({ env = [], envFrom = [] }) => [
      ...env.map(({ valueFrom }) => valueFrom?.configMapKeyRef?.name),
      ...envFrom.map(({ configMapRef }) => configMapRef?.name),
    ]),
  ],
  Secret: (pod) => [
    ...volumesOf(pod).map(({ secret }) => secret?.secretName),
    ...projectionsOf(pod).map(({ secret }) => secret?.name),
    ...(specOf(pod).imagePullSecrets ?? []).map((secret) => secret.name),
    ...allContainers(pod).flatMap(({ env = [], envFrom = [] }) => [
      ...env.map(({ valueFrom }) => valueFrom?.secretKeyRef?.name),
      ...envFrom.map(({ secretRef }) => secretRef?.name),
    ]),
  ],
  ServiceAccount: (pod) => [specOf(pod).serviceAccountName || specOf(pod).serviceAccount || 'default'],
};

function volumesOf(pod: Pod) {
  return specOf(pod).volumes ?? [];
}

function projectionsOf(pod: Pod) {
  return volumesOf(pod).flatMap(({ projected }) => projected?.sources ?? []);
}
