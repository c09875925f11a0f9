import type { Pod } from '@berth/api/objects';
import { specOf } from '../pod.ts';
import { containerFields } from './container-fields.ts';

/** What a pod asks for and the node leaves out, the pod running all the same. */
export function leftOutFields(pod: Pod): { reason: string; message: string }[] {
  const spec = specOf(pod);
  const probes = containerFields(pod).flatMap(([container, path]) =>
    (['livenessProbe', 'readinessProbe', 'startupProbe'] as const).filter((probe) => container[probe]).map((probe) => `${path}.${probe}`),
  );
  const placement = (['nodeSelector', 'affinity', 'topologySpreadConstraints'] as const).filter((field) => spec[field]);
  const warn = (reason: string, fields: string[], effect: string) =>
    fields.length > 0 ? [{ reason, message: `${fields.join(', ')}: ${effect}` }] : [];
  return [
    ...warn('ProbesNotSupported', probes, 'ignored; a running container counts as ready, and is restarted only when it ends'),
    ...warn(
      'PlacementNotSupported',
      placement.map((field) => `spec.${field}`),
      'ignored; the node takes every pod that it is given',
    ),
    ...warn(
      'ImagePullSecretsNotSupported',
      spec.imagePullSecrets?.length ? ['spec.imagePullSecrets'] : [],
      'ignored; images are pulled without credentials',
    ),
  ];
}
