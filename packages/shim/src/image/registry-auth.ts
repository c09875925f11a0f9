import type { AuthConfig } from '@berth/sdk/cri';

/** What a registry answers with 401: `Bearer realm="https://auth.example/token",service="registry.example",scope="..."`. */
interface Challenge {
  /** Lower case: `basic` or `bearer`. */
  scheme: string;
  parameters: Record<string, string>;
}

/** Reads a WWW-Authenticate header (RFC 9110, 11.6.1) that has one challenge, as registries send. */
export function parseChallenge(header: string): Challenge {
  const [scheme = '', ...rest] = header.trim().split(/\s+/);
  const parameters = [...rest.join(' ').matchAll(/([\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/g)];
  return {
    scheme: scheme.toLowerCase(),
    parameters: Object.fromEntries(
      parameters.map(([, key = '', quoted, token]) => [key.toLowerCase(), quoted?.replaceAll(/\\(.)/g, '$1') ?? token ?? '']),
    ),
  };
}

/** The token server's address for a challenge (distribution-spec, token authentication); undefined if its realm is no URL. */
export function tokenUrl({ parameters }: Challenge, repository: string): URL | undefined {
  const url = URL.parse(parameters.realm ?? '');
  if (!url) return undefined;
  if (parameters.service) url.searchParams.set('service', parameters.service);
  url.searchParams.set('scope', parameters.scope || `repository:${repository}:pull`);
  return url;
}

/** What CRI's AuthConfig comes to for one registry. */
interface Credentials {
  /** The value of an Authorization header. */
  basic?: string;
  /** Exchanged for a token by the registry's token server (distribution, OAuth 2 refresh tokens). */
  identityToken?: string;
  /** Shown to the registry as it is. */
  registryToken?: string;
}

/** The names that Docker Hub goes by. */
const dockerHub = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

/** Credentials for the registry `domain`; none where they are another's, which mustn't be shown to it. */
export function credentialsFor(auth: AuthConfig | undefined, domain: string): Credentials {
  if (!auth || (auth.serverAddress !== '' && !isSameHost(auth.serverAddress, domain))) return {};
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
