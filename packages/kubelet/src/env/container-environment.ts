import type { Container, EnvVarSource } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { expand } from '../cri/expansion.ts';
import { parseEnvFile, readInVolume } from './env-file.ts';
import type { ReferredData } from './referred-data.ts';

/** What variables may come from besides the container itself. */
interface EnvironmentSources {
  objects: ReferredData;
  /** Those of services; the container's own of the same names stand before them. */
  serviceLinks: ReadonlyMap<string, string>;
  /** Of the downward API. */
  field(path: string): string;
  resource(selector: NonNullable<EnvVarSource['resourceFieldRef']>): string;
  /** Where each volume of the pod is on the host. */
  volumePaths: ReadonlyMap<string, string>;
}

/**
 * A container's variables: first those of envFrom in their order, a later one replacing an earlier one of its name, then those of env,
 * each of which may refer to all before it, last the links to services (kubelet_pods.go, makeEnvironmentVariables). What is missing
 * throws, with kubelet's words; an optional one is left out.
 */
export async function containerEnvironment(
  { env = [], envFrom = [] }: Container,
  sources: EnvironmentSources,
): Promise<Map<string, string>> {
  const { objects, serviceLinks } = sources;
  const own = new Map<string, string>();
  for (const { prefix = '', configMapRef, secretRef } of envFrom) {
    const data = configMapRef ? await objects.configMap(configMapRef) : secretRef ? await objects.secret(secretRef) : undefined;
    for (const [key, value] of data ?? []) own.set(`${prefix}${key}`, value);
  }
  for (const { name, value, valueFrom } of env) {
    const resolved = value ? expand(value, new Map([...serviceLinks, ...own])) : valueFrom ? await sourceValue(valueFrom, sources) : '';
    if (resolved !== undefined) own.set(name, resolved);
  }
  const links = [...serviceLinks].filter(([name]) => !own.has(name));
  return new Map([...own, ...links]);
}

/** Undefined where an optional one is missing. */
async function sourceValue(
  source: EnvVarSource,
  { objects, field, resource, volumePaths }: EnvironmentSources,
): Promise<string | undefined> {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  if (fieldRef) return field(fieldRef.fieldPath);
  if (resourceFieldRef) return resource(resourceFieldRef);
  if (configMapKeyRef) return objects.configMapKey(configMapKeyRef);
  if (secretKeyRef) return objects.secretKey(secretKeyRef);
  return fileKeyRef && fileKey(fileKeyRef, volumePaths);
}

async function fileKey(
  { volumeName, path, key, optional }: NonNullable<EnvVarSource['fileKeyRef']>,
  volumePaths: ReadonlyMap<string, string>,
): Promise<string | undefined> {
  const directory = volumePaths.get(volumeName);
  if (directory === undefined) {
    throw new PluginError('NOT_FOUND', `cannot find the volume ${JSON.stringify(volumeName)} referenced by FileKeyRef`);
  }
  const value = await readVariable(directory, path, key);
  if (value !== undefined || optional) return value;
  throw new PluginError('NOT_FOUND', `environment variable key ${JSON.stringify(key)} not found in file ${JSON.stringify(path)}`, {
    hint: `let a container before this one write it into the volume ${volumeName}`,
  });
}

async function readVariable(directory: string, path: string, key: string): Promise<string | undefined> {
  try {
    const text = await readInVolume(directory, path);
    return text === undefined ? undefined : parseEnvFile(text).get(key);
  } catch (error) {
    const cause = PluginError.from(error);
    throw new PluginError(cause.code, `couldn't parse env file: ${cause.message}`, { object: `env file ${path}`, cause });
  }
}
