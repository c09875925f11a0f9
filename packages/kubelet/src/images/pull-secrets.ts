import type { Pod, Secret } from '@berth/api/objects';
import { serviceAccountOf } from '../downward-api.ts';
import { namespaceOf, specOf } from '../pod.ts';
import type { ObjectSource } from '../sources/object-source.ts';
import { parseDockerCfg, parseDockerConfigJson } from './docker-config.ts';
import type { RegistryLogins } from './keyring.ts';

/** The logins that a pod brings for its images. */
interface PullSecrets {
  logins: RegistryLogins[];
  /** Names of secrets that aren't there. */
  missing: string[];
}

/**
 * The logins of the pod's imagePullSecrets; of a pod without any those of its service account, which is what the API server's admission
 * would have written into the pod. A secret that holds something else throws INVALID_ARGUMENT with its name.
 */
export async function pullSecrets(pod: Pod, objects: ObjectSource, signal: AbortSignal): Promise<PullSecrets> {
  const namespace = namespaceOf(pod);
  const found: PullSecrets = { logins: [], missing: [] };
  for (const name of await secretNames(pod, objects, signal)) {
    const secret = await objects.get('Secret', namespace, name, signal);
    if (secret) found.logins.push(...loginsIn(secret, `secret ${namespace}/${name}`));
    else found.missing.push(name);
  }
  return found;
}

async function secretNames(pod: Pod, objects: ObjectSource, signal: AbortSignal): Promise<string[]> {
  const own = specOf(pod).imagePullSecrets ?? [];
  const account = own.length > 0 ? undefined : await objects.get('ServiceAccount', namespaceOf(pod), serviceAccountOf(pod), signal);
  return (account?.imagePullSecrets ?? own).map(({ name }) => name ?? '').filter((name) => name !== '');
}

/** Secrets of other types hold no logins. */
function loginsIn({ type, data = {} }: Secret, object: string): RegistryLogins[] {
  const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString();
  if (type === 'kubernetes.io/dockerconfigjson') return [parseDockerConfigJson(text('.dockerconfigjson'), object)];
  return type === 'kubernetes.io/dockercfg' ? [parseDockerCfg(text('.dockercfg'), object)] : [];
}
