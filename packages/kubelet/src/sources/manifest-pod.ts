import { defaultPod } from '@berth/api/defaults';
import { type FieldError, required } from '@berth/api/field-error';
import { formatProblem, type ManifestObject, problemOf } from '@berth/api/manifest';
import type { Pod } from '@berth/api/objects';
import { validatePod } from '@berth/api/validation';
import { nameOf, namespaceOf } from '../pod.ts';
import { nodePodName } from './static-pod.ts';

/**
 * The pod of a manifest, defaulted and valid; or what is wrong with it, each with file, line and field. `suffix` is the name of the node where
 * that is to stand behind the pod's: the whole name has to be a valid one.
 */
export function podOfManifest(source: ManifestObject, suffix: string | undefined): { pod?: Pod; errors: string[] } {
  const { object, file, line } = source;
  if (object.kind !== 'Pod') return { errors: [`${file}:${line}: kind: a node runs Pods, not ${object.kind}`] };
  const given = object as Pod;
  const pod = defaultPod({ ...given, metadata: { ...given.metadata, namespace: namespaceOf(given) } });
  const errors = errorsOf(pod, suffix).map((error) => formatProblem(problemOf(source, error)));
  return errors.length > 0 ? { errors } : { pod, errors };
}

function errorsOf(pod: Pod, suffix: string | undefined): FieldError[] {
  // Only an API server makes a name of generateName (kubelet/config/common.go: tryDecodeSinglePod).
  if (!pod.metadata?.name)
    return [
      required('metadata.name', 'a static pod has to have a name: only an API server makes one of generateName'),
      ...validatePod(named(pod, 'pod')),
    ];
  return validatePod(suffix === undefined ? pod : named(pod, nodePodName(nameOf(pod), suffix)));
}

function named(pod: Pod, name: string): Pod {
  return { ...pod, metadata: { ...pod.metadata, name } };
}
