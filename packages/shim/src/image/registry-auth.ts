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

/** The value of an Authorization header for the credentials that CRI gave; undefined for none. */
export function basicAuthorization(auth: AuthConfig | undefined): string | undefined {
  if (auth?.username) return `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`;
  return auth?.auth ? `Basic ${auth.auth}` : undefined;
}
