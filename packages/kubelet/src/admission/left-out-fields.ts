import type { Pod } from '@berth/api/objects';
import { specOf } from '../pod.ts';

/** What a pod asks for and the node leaves out, the pod running all the same. */
export function leftOutFields(pod: Pod): { reason: string; message: string }[] {
  const spec = specOf(pod);
  const warn = (reason: string, fields: string[], effect: string) =>
    fields.length > 0 ? [{ reason, message: `${fields.join(', ')}: ${effect}` }] : [];
  return [
    ...warn(
      'ImagePullSecretsNotSupported',
      spec.imagePullSecrets?.length ? ['spec.imagePullSecrets'] : [],
      'ignored; images are pulled without credentials',
    ),
  ];
}
