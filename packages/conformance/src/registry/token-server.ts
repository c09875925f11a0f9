import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

/** Who gets a token for a repository. With none of them, everybody. */
export interface TokenAccess {
  credentials?: { username: string; password: string };
  /** An OAuth 2 refresh token, which is exchanged for a token. */
  identityToken?: string;
  /** A token that the registry itself takes; the token server gives out none then. */
  registryToken?: string;
}

interface TokenRequest {
  service: string;
  scope: string;
  /** The value of an Authorization header for HTTP Basic, as it came or as username and password make it. */
  basic: string | undefined;
  refreshToken: string | undefined;
}

/** The token server of a registry (distribution, docs/spec/auth: token and oauth), at `/token` of the registry's own host. */
export class TokenServer {
  readonly #host: string;
  /** Scope by token. */
  readonly #given = new Map<string, string>();

  constructor(host: string) {
    this.#host = host;
  }

  /** The WWW-Authenticate header that sends a client here. */
  challenge(repository: string): string {
    return `Bearer realm="http://${this.#host}/token",service="${this.#host}",scope="${scopeOf(repository)}"`;
  }

  /** Whether the request has a token for the repository. */
  admits({ headers: { authorization } }: IncomingMessage, repository: string, { registryToken }: TokenAccess): boolean {
    const [, token = ''] = /^Bearer (.+)$/.exec(authorization ?? '') ?? [];
    return registryToken === undefined ? this.#given.get(token) === scopeOf(repository) : token === registryToken;
  }

  /** Gives a token to who may have one; `accessOf` says who, for a repository that there is. */
  async answer(
    request: IncomingMessage,
    response: ServerResponse,
    accessOf: (repository: string) => TokenAccess | undefined,
  ): Promise<void> {
    const asked = await readRequest(request);
    const [, repository = ''] = /^repository:(.+):pull$/.exec(asked.scope) ?? [];
    const access = accessOf(repository);
    if (asked.service !== this.#host || !access) return send(response, 400, { error: 'invalid_scope' });
    if (!mayHaveToken(asked, access)) return send(response, 401, { error: 'invalid_grant' });
    const token = randomUUID();
    this.#given.set(token, scopeOf(repository));
    send(response, 200, { token, access_token: token, expires_in: 300 });
  }
}

function mayHaveToken({ basic, refreshToken }: TokenRequest, { credentials, identityToken, registryToken }: TokenAccess): boolean {
  if (registryToken !== undefined) return false;
  if (credentials) return basic === basicOf(credentials);
  return identityToken === undefined || refreshToken === identityToken;
}

async function readRequest(request: IncomingMessage): Promise<TokenRequest> {
  const query = new URL(request.url ?? '/', 'http://localhost').searchParams;
  const form = request.method === 'POST' ? new URLSearchParams(await text(request)) : query;
  const [username, password] = [form.get('username'), form.get('password')];
  return {
    service: form.get('service') ?? '',
    scope: form.get('scope') ?? '',
    basic: request.headers.authorization ?? (username !== null && password !== null ? basicOf({ username, password }) : undefined),
    refreshToken: form.get('refresh_token') ?? undefined,
  };
}

/** The value of an Authorization header for HTTP Basic (RFC 7617). */
export function basicOf({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function scopeOf(repository: string): string {
  return `repository:${repository}:pull`;
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
