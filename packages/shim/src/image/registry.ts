import type { AuthConfig } from '@berth/sdk/cri';
import { type Code, PluginError } from '@berth/sdk/errors';
import { Agent, type Dispatcher, request } from 'undici';
import type { Descriptor } from './blobs.ts';
import { digestOf } from './digest.ts';
import { freePiece } from './free-piece.ts';
import type { BlobSource } from './install.ts';
import { longestManifest, manifestMediaTypes } from './manifest.ts';
import { nameOf, type Reference } from './reference.ts';
import { credentialsFor, parseChallenge, tokenUrl } from './registry-auth.ts';

const mostRedirects = 5;
const longestErrorBody = 64 * 1024;
/** A server that is silent for so long is taken for dead. A slow one that still sends is not. */
const idleTimeoutMs = 30_000;
const connectTimeoutMs = 10_000;

const agent = new Agent({ headersTimeout: idleTimeoutMs, bodyTimeout: idleTimeoutMs, connect: { timeout: connectTimeoutMs } });

/**
 * The pulling end of the OCI distribution protocol for one repository. Hosts on loopback are spoken to in plain HTTP,
 * all others by HTTPS.
 *
 * Errors name the image and the host: NOT_FOUND for a missing one, PERMISSION_DENIED where the registry wants other
 * credentials, UNAVAILABLE for a registry that can't be reached, fails or goes silent.
 */
export class Registry implements BlobSource {
  readonly #reference: Reference;
  readonly #object: string;
  readonly #origin: string;
  readonly #credentials: ReturnType<typeof credentialsFor>;
  #authorization: string | undefined;

  constructor(reference: Reference, auth: AuthConfig | undefined) {
    this.#reference = reference;
    this.#object = `image ${nameOf(reference)}`;
    this.#origin = originOf(reference.domain);
    this.#credentials = credentialsFor(auth, reference.domain);
    if (this.#credentials.registryToken) this.#authorization = `Bearer ${this.#credentials.registryToken}`;
  }

  /** The manifest or index of a tag or digest, checked against the digest. */
  async manifest(tagOrDigest: string, signal: AbortSignal): Promise<Buffer> {
    const url = this.#url('manifests', tagOrDigest);
    const response = await this.#get(url, { accept: manifestMediaTypes.join(', ') }, signal);
    const bytes = await this.#readAll(response.body, url, longestManifest);
    if (tagOrDigest.startsWith('sha256:') && digestOf(bytes) !== tagOrDigest) {
      throw this.#error(
        'DATA_LOSS',
        url,
        `the manifest has the digest ${digestOf(bytes)} instead of ${tagOrDigest}`,
        'the registry is broken or lies: ask who runs it',
      );
    }
    return bytes;
  }

  async *open({ digest }: Descriptor, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const url = this.#url('blobs', digest);
    const { body } = await this.#get(url, {}, signal);
    for await (const chunk of this.#chunks(body, url)) {
      yield chunk;
      freePiece(chunk);
    }
  }

  #url(kind: 'manifests' | 'blobs', name: string): URL {
    return new URL(`${this.#origin}/v2/${this.#reference.path}/${kind}/${name}`);
  }

  /** A 200 answer; authenticates once if the registry asks for it, again where a token has expired in a long pull. */
  async #get(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const response = await this.#follow(url, headers, signal);
    if (response.statusCode === 200) return response;
    if (response.statusCode !== 401 || !(await this.#authorize(response, url, signal))) throw await this.#refused(response, url);
    await response.body.dump();
    const retried = await this.#follow(url, headers, signal);
    if (retried.statusCode === 200) return retried;
    throw await this.#refused(retried, url);
  }

  async #follow(start: URL, headers: Record<string, string>, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    let url = start;
    for (let redirects = 0; redirects <= mostRedirects; redirects++) {
      // A storage server that the registry redirects to mustn't see the registry's credentials.
      const authorization: Record<string, string> =
        url.origin === start.origin && this.#authorization ? { authorization: this.#authorization } : {};
      const response = await this.#request(url, { ...headers, ...authorization }, signal);
      if (![301, 302, 303, 307, 308].includes(response.statusCode)) return response;
      await response.body.dump();
      const target = URL.parse(String(response.headers.location ?? ''), url.href);
      if (!target || !isAllowed(target, url)) {
        throw this.#error(
          'UNAVAILABLE',
          url,
          `it redirects to ${JSON.stringify(response.headers.location)}`,
          'the registry must redirect to an https address',
        );
      }
      url = target;
    }
    throw this.#error('UNAVAILABLE', start, `it redirects more than ${mostRedirects} times`, 'correct the configuration of the registry');
  }

  /** GET, or POST with a body. */
  async #request(url: URL, headers: Record<string, string>, signal: AbortSignal, body?: string): Promise<Dispatcher.ResponseData> {
    try {
      return await request(url, { dispatcher: agent, headers, signal, ...(body !== undefined && { method: 'POST', body }) });
    } catch (error) {
      throw this.#failed(error, url);
    }
  }

  /** Takes up what the challenge asks for; false if there is nothing to be tried. */
  async #authorize({ headers }: Dispatcher.ResponseData, url: URL, signal: AbortSignal): Promise<boolean> {
    const challenge = parseChallenge(String(headers['www-authenticate'] ?? ''));
    if (challenge.scheme === 'basic') {
      this.#authorization = this.#credentials.basic;
      return this.#authorization !== undefined;
    }
    const realm = challenge.scheme === 'bearer' ? tokenUrl(challenge, this.#reference.path) : undefined;
    if (!realm || !isAllowed(realm, url)) return false;
    const response = await this.#requestToken(realm, signal);
    if (response.statusCode !== 200) throw await this.#refused(response, realm);
    const { token, access_token } = parseToken(await this.#readAll(response.body, realm, longestErrorBody));
    if (!token && !access_token)
      throw this.#error('UNAVAILABLE', realm, 'the token server gave no token', 'correct the configuration of the registry');
    this.#authorization = `Bearer ${token ?? access_token}`;
    return true;
  }

  async #requestToken(realm: URL, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { basic, identityToken } = this.#credentials;
    if (!identityToken) return this.#request(realm, basic ? { authorization: basic } : {}, signal);
    const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: 'berth', refresh_token: identityToken });
    for (const name of ['service', 'scope']) form.set(name, realm.searchParams.get(name) ?? '');
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return this.#request(new URL(realm.pathname, realm), headers, signal, form.toString());
  }

  async #readAll(body: Dispatcher.ResponseData['body'], url: URL, most: number): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of this.#chunks(body, url)) {
      length += chunk.length;
      if (length > most)
        throw this.#error('RESOURCE_EXHAUSTED', url, `the answer is longer than ${most} bytes`, 'the registry is broken: ask who runs it');
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  async *#chunks(body: Dispatcher.ResponseData['body'], url: URL): AsyncGenerator<Uint8Array> {
    try {
      yield* body as AsyncIterable<Uint8Array>;
    } catch (error) {
      throw this.#failed(error, url);
    }
  }

  async #refused(response: Dispatcher.ResponseData, url: URL): Promise<PluginError> {
    const said = await this.#readAll(response.body, url, longestErrorBody).then(registryMessage, () => '');
    const what = `answered ${response.statusCode}${said && `, ${said}`}`;
    if (response.statusCode === 404) return this.#error('NOT_FOUND', url, what, 'check the name and the tag');
    if (response.statusCode === 401 || response.statusCode === 403) {
      return this.#error('PERMISSION_DENIED', url, what, 'check the name, and the credentials (imagePullSecrets)');
    }
    return this.#error('UNAVAILABLE', url, what, 'try again later, or ask who runs the registry');
  }

  #failed(thrown: unknown, url: URL): PluginError {
    const error = thrown as NodeJS.ErrnoException;
    if (error.name === 'AbortError' || error.name === 'TimeoutError') {
      return new PluginError(
        error.name === 'AbortError' ? 'CANCELLED' : 'DEADLINE_EXCEEDED',
        `the pull was ended while asking ${url.host}`,
        { object: this.#object, cause: error },
      );
    }
    const code = error.code ?? '';
    const what = failures[code] ?? `failed: ${error.message || code}`;
    return this.#error('UNAVAILABLE', url, what, 'check that the registry runs and that this host can reach it', error);
  }

  #error(code: Code, url: URL, what: string, hint: string, cause?: unknown): PluginError {
    return new PluginError(code, `registry ${url.host}: ${what}`, { object: this.#object, hint, cause });
  }
}

const failures: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name could not be resolved',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  UND_ERR_CONNECT_TIMEOUT: `no connection within ${connectTimeoutMs / 1000} s`,
  UND_ERR_HEADERS_TIMEOUT: `no answer within ${idleTimeoutMs / 1000} s`,
  UND_ERR_BODY_TIMEOUT: `silent for ${idleTimeoutMs / 1000} s in the middle of an answer`,
};

function originOf(domain: string): string {
  const host = domain === 'docker.io' ? 'registry-1.docker.io' : domain;
  return `${isLoopback(host) ? 'http' : 'https'}://${host}`;
}

/** An address that one server names is followed only by HTTPS, or where both are on this machine. */
function isAllowed(target: URL, from: URL): boolean {
  return target.protocol === 'https:' || (target.protocol === 'http:' && isLoopback(target.host) && isLoopback(from.host));
}

function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(host);
}

/** `MANIFEST_UNKNOWN, manifest unknown` from a registry's error body (distribution-spec, error codes), made printable. */
function registryMessage(body: Buffer): string {
  try {
    const { errors } = JSON.parse(body.toString()) as { errors?: { code?: string; message?: string }[] };
    const [first] = errors ?? [];
    return [first?.code, first?.message]
      .filter(Boolean)
      .join(', ')
      .replaceAll(/\p{Cc}/gu, ' ')
      .slice(0, 300);
  } catch {
    return '';
  }
}

function parseToken(body: Buffer): { token?: string; access_token?: string } {
  try {
    return JSON.parse(body.toString()) as { token?: string; access_token?: string };
  } catch {
    return {};
  }
}
