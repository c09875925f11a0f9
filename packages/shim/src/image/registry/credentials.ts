import type { AuthConfig } from '@berth/sdk/cri';
import { dockerHub } from '@berth/sdk/image-reference';
import type { RegistryHost } from './registry-host.ts';

/** What CRI's AuthConfig comes to for one host. */
export interface Credentials {
  /** The value of an Authorization header. */
  basic?: string;
  /** Exchanged for a token by the registry's token server (distribution, OAuth 2 refresh tokens). */
  identityToken?: string;
  /** Shown to the registry as it is. */
  registryToken?: string;
}

/**
 * Credentials for one host of the registry `domain`; none where they are another's, which mustn't be shown to it. Those without an
 * address are the registry's own, and no mirror's.
 */
export function credentialsFor(
  auth: AuthConfig | undefined,
  { api, isOwn }: Pick<RegistryHost, 'api' | 'isOwn'>,
  domain: string,
): Credentials {
  if (!auth) return {};
  const names = [...(isOwn ? [domain] : []), new URL(api).host];
  if (auth.serverAddress === '' ? !isOwn : !names.some((name) => isSameHost(auth.serverAddress, name))) return {};
  const { username, password, identityToken, registryToken } = auth;
  if (username) return { basic: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
  if (identityToken) return { identityToken };
  if (auth.auth) return { basic: `Basic ${auth.auth}` };
  return registryToken ? { registryToken } : {};
}

/** As Docker's configuration names registries: `https://index.docker.io/v1/`, `registry.example:5000`. */
function isSameHost(serverAddress: string, domain: string): boolean {
  const host = URL.parse(/^https?:\/\//.test(serverAddress) ? serverAddress : `https://${serverAddress}`)?.host;
  return host !== undefined && (host === domain || (dockerHub.has(host) && dockerHub.has(domain)));
}
