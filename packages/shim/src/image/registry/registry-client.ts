import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuthConfig } from '@berth/sdk/cri';
import { Authorizer } from './authorizer.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { type Credentials, credentialsFor } from './credentials.ts';
import { isFollowed, shown } from './followed-address.ts';
import { HostFailures } from './host-failure.ts';
import type { RegistryHost } from './registry-host.ts';
import { memoryBody, type Patience, Stalled, Transport, type TransportRequest } from './transport.ts';

/** Registries limit, and their logs tell, clients by name. */
const userAgent = 'berth';
const mostRedirects = 5;
/** One for a token that has expired, one for a token that another request got, for another scope. */
const mostRenewals = 2;
const longestErrorBody = 64 * 1024;
const longestMessage = 300;

export interface ClientOptions {
  /** What it is about, for errors: `image registry.example/app:1`. */
  object: string;
  /** The registry of the image's name. */
  domain: string;
  auth: AuthConfig | undefined;
  /** What a token is asked for where the registry doesn't say: `repository:team/app:pull`. */
  scope: string;
  patience: Patience;
}

/**
 * Requests to one host of a registry: authenticates where it asks for it, follows its redirects, and turns what goes
 * wrong into failures that name image and host: NOT_FOUND for what is missing, PERMISSION_DENIED where it wants other credentials,
 * UNAVAILABLE where it can't be reached, fails or goes silent.
 */
export class RegistryClient {
  readonly host: RegistryHost;
  readonly failures: HostFailures;
  readonly #options: ClientOptions;
  readonly #transport: Transport;
  readonly #credentials: Credentials;
  readonly #authorizer: Authorizer;

  constructor(host: RegistryHost, options: ClientOptions) {
    this.host = host;
    this.failures = new HostFailures(options.object, host);
    this.#options = options;
    this.#transport = new Transport(host, options.patience);
    this.#credentials = credentialsFor(options.auth, host, options.domain);
    this.#authorizer = new Authorizer(this.#credentials, (challenge, realm, signal) => this.#askToken(challenge, realm, signal));
  }

  /** The address of something of a repository: `manifests/latest`. */
  url(repository: string, path: string): URL {
    const url = new URL(`${this.host.api}/${repository}/${path}`);
    if (this.host.namespace !== undefined) url.searchParams.set('ns', this.host.namespace);
    return url;
  }

  /** An answer with one of the `expected` statuses; any other is thrown. Its body is to be read by `chunks` or `readAll`, or discarded. */
  async request(url: URL, request: TransportRequest, expected: number[], signal: AbortSignal): Promise<IncomingMessage> {
    for (let renewals = 0; ; renewals++) {
      const used = this.#authorizer.header;
      const answer = await this.#follow(url, request, used, signal);
      const { statusCode = 0 } = answer;
      if (expected.includes(statusCode)) return answer;
      const challenges = statusCode === 401 ? (answer.headersDistinct['www-authenticate'] ?? []).flatMap(parseChallenges) : [];
      if (renewals === mostRenewals || challenges.length === 0) throw await this.#refused(answer, url, signal);
      if (!(await this.#authorizer.renew(challenges, used, this.#options.scope, signal))) throw await this.#refused(answer, url, signal);
      await this.discard(answer, url, signal);
    }
  }

  /** The bytes of an answer, as they come. */
  async *chunks(answer: IncomingMessage, url: URL, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#transport.chunks(answer);
    } catch (error) {
      throw this.failures.failed(error, url, signal);
    }
  }

  /** The whole body, if it isn't longer than `most` bytes. */
  async readAll(answer: IncomingMessage, url: URL, most: number, signal: AbortSignal): Promise<Buffer> {
    const { wholeMs } = this.#options.patience;
    const limit = setTimeout(() => answer.destroy(new Stalled(`no whole answer within ${wholeMs / 1000} s`)), wholeMs);
    try {
      const chunks: Uint8Array[] = [];
      let length = 0;
      for await (const chunk of this.chunks(answer, url, signal)) {
        length += chunk.length;
        if (length > most) {
          const what = `the answer is longer than ${most} bytes`;
          throw this.failures.wrong('RESOURCE_EXHAUSTED', url, what, 'the registry is broken: ask who runs it');
        }
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    } finally {
      clearTimeout(limit);
    }
  }

  /** Reads what is left, so that the connection can be used again; a long rest isn't worth it. */
  async discard(answer: IncomingMessage, url: URL, signal: AbortSignal): Promise<void> {
    await this.readAll(answer, url, longestErrorBody, signal).catch(() => undefined);
  }

  /** Before it is asked again. */
  async pause(milliseconds: number, signal: AbortSignal): Promise<void> {
    await sleep(milliseconds, undefined, { signal }).catch((error) => {
      throw this.failures.failed(error, new URL(this.host.api), signal);
    });
  }

  close(): void {
    this.#transport.close();
  }

  async #follow(start: URL, request: TransportRequest, authorization: string | undefined, signal: AbortSignal): Promise<IncomingMessage> {
    let url = start;
    for (let redirects = 0; redirects <= mostRedirects; redirects++) {
      const headers = { 'user-agent': userAgent, ...request.headers, ...this.#ownHeaders(url, authorization) };
      const answer = await this.#send(url, { ...request, headers }, signal);
      if (![301, 302, 303, 307, 308].includes(answer.statusCode ?? 0)) return answer;
      await this.discard(answer, url, signal);
      const target = URL.parse(answer.headers.location ?? '', url.href);
      if (!target || !isFollowed(target, url)) {
        const what = `it redirects to ${shown(answer.headers.location)}`;
        throw this.failures.wrong('UNAVAILABLE', url, what, 'the registry must redirect to an https address');
      }
      url = target;
    }
    const what = `it redirects more than ${mostRedirects} times`;
    throw this.failures.wrong('UNAVAILABLE', start, what, 'correct the configuration of the registry');
  }

  /** A storage server that the registry redirects to mustn't see the registry's credentials. */
  #ownHeaders(url: URL, authorization: string | undefined): TransportRequest['headers'] {
    if (url.origin !== new URL(this.host.api).origin) return {};
    return { ...this.host.header, ...(authorization !== undefined && { authorization }) };
  }

  async #send(url: URL, request: TransportRequest, signal: AbortSignal): Promise<IncomingMessage> {
    try {
      return await this.#transport.send(url, request, signal);
    } catch (error) {
      throw this.failures.failed(error, url, signal);
    }
  }

  async #refused(answer: IncomingMessage, url: URL, signal: AbortSignal): Promise<Error> {
    const said = await this.readAll(answer, url, longestErrorBody, signal).then(registryMessage, () => '');
    return this.failures.refused(answer.statusCode ?? 0, said, url);
  }

  async #askToken({ parameters }: Challenge, realm: URL, signal: AbortSignal): Promise<string | undefined> {
    if (!isFollowed(realm, new URL(this.host.api))) return undefined;
    const { basic, identityToken } = this.#credentials;
    const answer = identityToken
      ? await this.#exchange(identityToken, parameters.service, realm, signal)
      : await this.#send(realm, { method: 'GET', headers: basic ? { authorization: basic } : {} }, signal);
    if (answer.statusCode !== 200) throw await this.#refused(answer, realm, signal);
    const given = tokenIn(await this.readAll(answer, realm, longestErrorBody, signal));
    if (given) return given;
    throw this.failures.wrong('UNAVAILABLE', realm, 'the token server gave no token', 'correct the configuration of the registry');
  }

  /** Docker's OAuth 2 way (distribution docs/spec/auth/oauth.md): a refresh token for an access token. */
  #exchange(refreshToken: string, service = '', realm: URL, signal: AbortSignal): Promise<IncomingMessage> {
    const scope = realm.searchParams.getAll('scope').join(' ');
    const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: 'berth', refresh_token: refreshToken, service, scope });
    return this.#send(
      new URL(realm.pathname, realm),
      { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: memoryBody(form.toString()) },
      signal,
    );
  }
}

/** `MANIFEST_UNKNOWN, manifest unknown` from a registry's error body (distribution-spec, error codes), or the text that others send; made printable. */
function registryMessage(body: Buffer): string {
  const text = body.toString();
  return (errorOf(text) ?? (text.startsWith('<') ? '' : text))
    .trim()
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, ' ')
    .slice(0, longestMessage);
}

function errorOf(text: string): string | undefined {
  try {
    const { errors } = JSON.parse(text) as { errors?: { code?: string; message?: string }[] };
    return [errors?.[0]?.code, errors?.[0]?.message].filter(Boolean).join(', ');
  } catch {
    return undefined;
  }
}

/** Undefined where there is none that a header can hold. */
function tokenIn(body: Buffer): string | undefined {
  try {
    const answer = JSON.parse(body.toString()) as { token?: unknown; access_token?: unknown } | null;
    return [answer?.token, answer?.access_token].find((token): token is string => typeof token === 'string' && /^[!-~]+$/.test(token));
  } catch {
    return undefined;
  }
}
