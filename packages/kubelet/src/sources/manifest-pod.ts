import { defaultPod } from '@berth/api/defaults';
import { formatProblem, type ManifestObject, problemOf } from '@berth/api/manifest';
import type { Pod } from '@berth/api/objects';
import { validatePod } from '@berth/api/validation';
import { namespaceOf } from '../pod.ts';

/** The pod of a manifest, defaulted and valid; or what is wrong with it, each with file, line and field. */
export function podOfManifest(source: ManifestObject): { pod?: Pod; errors: string[] } {
  const { object, file, line } = source;
  if (object.kind !== 'Pod') return { errors: [`${file}:${line}: kind: a node runs Pods, not ${object.kind}`] };
  const given = object as Pod;
  const pod = defaultPod({ ...given, metadata: { ...given.metadata, namespace: namespaceOf(given) } });
  const errors = validatePod(pod).map((error) => formatProblem(problemOf(source, error)));
  return errors.length > 0 ? { errors } : { pod, errors };
}
