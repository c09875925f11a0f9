import type { KeyToPath, Pod } from '@berth/api/objects';
import { namespaceOf } from '../pod.ts';
import { notFound, type ObjectSource } from '../sources/object-source.ts';
import type { Payload } from './atomic-writer.ts';
import { configMapPayload, secretPayload } from './payload.ts';

/** What of an object is to be in a volume, and whether it may be missing. */
interface ObjectProjection {
  name: string | undefined;
  items?: readonly KeyToPath[];
  optional?: boolean;
}

/** Files of a config map. Throws NOT_FOUND where it, or one of its keys, isn't there and isn't optional. */
export async function projectConfigMap(
  objects: ObjectSource,
  pod: Pod,
  projection: ObjectProjection,
  defaultMode: number,
  signal: AbortSignal,
): Promise<Payload> {
  const configMap = await objects.get('ConfigMap', namespaceOf(pod), projection.name ?? '', signal);
  return configMap ? configMapPayload(configMap, { ...projection, defaultMode }) : missing(objects, 'ConfigMap', pod, projection);
}

/** Files of a secret, likewise. */
export async function projectSecret(
  objects: ObjectSource,
  pod: Pod,
  projection: ObjectProjection,
  defaultMode: number,
  signal: AbortSignal,
): Promise<Payload> {
  const secret = await objects.get('Secret', namespaceOf(pod), projection.name ?? '', signal);
  return secret ? secretPayload(secret, { ...projection, defaultMode }) : missing(objects, 'Secret', pod, projection);
}

function missing(objects: ObjectSource, kind: 'ConfigMap' | 'Secret', pod: Pod, { name = '', optional }: ObjectProjection): Payload {
  if (optional) return new Map();
  throw notFound(objects, { kind, namespace: namespaceOf(pod), name });
}
