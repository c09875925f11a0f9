import type { AuthConfig } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { passwordLogin, type RegistryLogins } from './keyring.ts';

/** The logins of a config.json as "docker login" writes it, which secrets of the type dockerconfigjson hold. Errors name `object`, and nothing that is in it. */
export function parseDockerConfigJson(text: string, object: string): RegistryLogins {
  const { auths = {} } = parseObject(text, object);
  return loginsOf(auths, object);
}

/** The logins of the older .dockercfg, which is what stands below `auths` in the newer one. */
export function parseDockerCfg(text: string, object: string): RegistryLogins {
  return loginsOf(parseObject(text, object), object);
}

function loginsOf(auths: unknown, object: string): RegistryLogins {
  if (!isRecord(auths)) throw malformed(object);
  return new Map(Object.entries(auths).map(([registry, entry]) => [registry, loginOf(entry, object)]));
}

function loginOf(entry: unknown, object: string): AuthConfig {
  if (!isRecord(entry)) throw malformed(object);
  const { auth, username, password, identitytoken, registrytoken } = entry;
  const tokens = { identityToken: textOf(identitytoken), registryToken: textOf(registrytoken) };
  if (typeof auth !== 'string' || auth === '') return { ...passwordLogin(textOf(username), textOf(password)), ...tokens };
  const [, name, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(auth, 'base64').toString()) ?? [];
  if (name === undefined || secret === undefined) throw malformed(object);
  // Files of Windows programs end in zero bytes.
  return { ...passwordLogin(name, secret.replace(/\0+$/, '')), ...tokens };
}

function parseObject(text: string, object: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (isRecord(parsed)) return parsed;
  } catch {
    // What JSON.parse says may quote a password.
  }
  throw malformed(object);
}

function malformed(object: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', 'it holds no logins of registries', {
    object,
    hint: 'make it as "kubectl create secret docker-registry" or "docker login" does',
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
