import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { dockerHub, type Reference } from '@berth/sdk/image-reference';

/** The part of Docker's config.json, and of podman's auth.json, that is about registries. */
export interface DockerConfig {
  /** By registry, or, as podman and the kubelet allow, by the beginning of a repository's name. */
  auths?: Record<string, { auth?: string; identitytoken?: string; registrytoken?: string; username?: string; password?: string }>;
  /** Programs `docker-credential-NAME` that know more. */
  credHelpers?: Record<string, string>;
  credsStore?: string;
}

/** An entry in the words of CRI's AuthConfig. */
export interface RegistryLogin {
  username?: string;
  password?: string;
  auth?: string;
  identityToken?: string;
  registryToken?: string;
}

/** The file that Docker or podman would use; undefined where this user has none. */
export function defaultAuthFile(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  if (environment.REGISTRY_AUTH_FILE) return environment.REGISTRY_AUTH_FILE;
  const candidates = [
    ...(environment.XDG_RUNTIME_DIR ? [join(environment.XDG_RUNTIME_DIR, 'containers/auth.json')] : []),
    join(environment.DOCKER_CONFIG ?? join(homedir(), '.docker'), 'config.json'),
  ];
  return candidates.find((path) => existsSync(path));
}

/** Errors name the file, and nothing that is in it. */
export function readDockerConfig(path: string): DockerConfig {
  const text = read(path);
  try {
    const config: unknown = JSON.parse(text);
    if (typeof config === 'object' && config !== null && !Array.isArray(config)) return config;
  } catch {
    // What JSON.parse says may quote a password.
  }
  throw new PluginError('INVALID_ARGUMENT', 'it is no JSON object', {
    object: path,
    hint: 'give a config.json as "docker login" writes it',
  });
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw PluginError.from(error, 'INVALID_ARGUMENT', { object: path, hint: 'name a config.json that this user may read by --authfile' });
  }
}

/** The entry of the longest name that the repository begins with. */
export function entryFor({ auths = {} }: DockerConfig, { domain, path }: Reference): RegistryLogin | undefined {
  const parts = path.split('/');
  const names = [...parts.map((_, index) => [domain, ...parts.slice(0, parts.length - index)].join('/')), domain];
  for (const name of names) {
    const found = Object.entries(auths).find(([key]) => isSame(key, name))?.[1];
    if (found) {
      const { identitytoken: identityToken, registrytoken: registryToken, ...plain } = found;
      return { ...plain, ...(identityToken && { identityToken }), ...(registryToken && { registryToken }) };
    }
  }
  return undefined;
}

/** The helper program that keeps the credentials of a registry; undefined if none does. */
export function helperFor({ credHelpers = {}, credsStore }: DockerConfig, domain: string): string | undefined {
  return Object.entries(credHelpers).find(([key]) => isSame(key, domain))?.[1] ?? (credsStore || undefined);
}

/** Keys may have a scheme, and the version of the API behind them. */
function isSame(key: string, name: string): boolean {
  const plain = key.replace(/^https?:\/\//, '').replace(/\/(v[12]\/?)?$/, '');
  return plain === name || (dockerHub.has(plain) && name === 'docker.io');
}
