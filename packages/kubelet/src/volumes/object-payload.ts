import type { KeyToPath, Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { namespaceOf } from '../pod.ts';
import type { ObjectSource } from '../sources/object-source.ts';
import type { Payload } from './atomic-writer.ts';
import { configMapPayload, secretPayload } from './payload.ts';

/** What of an object is to be in a volume, and whether it may be missing. */
interface ObjectProjection {
  name: string | undefined;
  items?: readonly KeyToPath[];
  optional?: boolean;
}

const none: Payload = new Map();

/** Files of a config map. Throws NOT_FOUND where it, or one of its keys, isn't there and isn't optional. */
export async function projectConfigMap(
  objects: ObjectSource,
  pod: Pod,
  { name = '', ...selection }: ObjectProjection,
  defaultMode: number,
  signal: AbortSignal,
): Promise<Payload> {
  const configMap = await objects.get('ConfigMap', namespaceOf(pod), name, signal);
  if (configMap) return configMapPayload(configMap, { ...selection, defaultMode });
  if (selection.optional) return none;
  throw new PluginError('NOT_FOUND', `configmap ${JSON.stringify(name)} not found`);
}

/** Files of a secret, likewise. */
export async function projectSecret(
  objects: ObjectSource,
  pod: Pod,
  { name = '', ...selection }: ObjectProjection,
  defaultMode: number,
  signal: AbortSignal,
): Promise<Payload> {
  const secret = await objects.get('Secret', namespaceOf(pod), name, signal);
  if (secret) return secretPayload(secret, { ...selection, defaultMode });
  if (selection.optional) return none;
  throw new PluginError('NOT_FOUND', `secret ${JSON.stringify(name)} not found`);
}
