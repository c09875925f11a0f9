import { type Agent, type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isLoopback, type RegistryHost } from './registry-host.ts';
import { type TlsOptions, tlsOptions } from './tls-options.ts';

/** How long a host may take, in milliseconds. */
export interface Patience {
  /** A server that is silent for so long is taken for dead. A slow one that still sends is not. */
  idleMs: number;
  /** Answers that are read whole, which have 4 MiB at most, must have come by then. */
  wholeMs: number;
  /** After an upload a registry may be copying within its storage before it answers. */
  commitMs: number;
}

export interface TransportRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  headers?: Record<string, string | string[]>;
  /** Made afresh for each attempt. */
  body?: { length: number; open(): Readable };
}

/** A host that doesn't answer, or has stopped to: its message says what was waited for, and how long. */
export class Stalled extends Error {}

/** Fewer bytes than these in the time of `idleMs` count as silence: otherwise a byte now and then would hold a pull for years. */
const leastBytes = 1024;

/** A body that is in memory. */
export function memoryBody(bytes: Uint8Array | string): TransportRequest['body'] & object {
  const buffer = Buffer.from(bytes);
  return { length: buffer.length, open: () => Readable.from([buffer]) };
}

/** The connections to one host of a registry, and to the token servers and storage servers that it points to. */
export class Transport {
  readonly #host: RegistryHost;
  readonly #patience: Patience;
  readonly #agents = new Map<string, Promise<Agent>>();

  constructor(host: RegistryHost, patience: Patience) {
    this.#host = host;
    this.#patience = patience;
  }

  /** The answer's head; its body is to be read by `chunks`, or destroyed. Redirects are the caller's. */
  async send(url: URL, { method, headers = {}, body }: TransportRequest, signal: AbortSignal): Promise<IncomingMessage> {
    for (;;) {
      const agent = await this.#agentFor(url);
      const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
        method,
        headers: body ? { ...headers, 'content-length': body.length } : headers,
        agent,
        signal,
      });
      try {
        return await this.#answered(request, body);
      } catch (error) {
        // The server closed an idle connection just when it was to be used again.
        const isStale = request.reusedSocket && (error as NodeJS.ErrnoException).code === 'ECONNRESET';
        if (!isStale || signal.aborted) throw error;
      }
    }
  }

  /** The bytes of an answer; throws Stalled when they stop coming. The time that the reader takes doesn't count. */
  async *chunks(answer: IncomingMessage): AsyncGenerator<Uint8Array> {
    const { idleMs } = this.#patience;
    let [isWaiting, hasRung, bytes] = [false, false, 0];
    const timer = setTimeout(() => {
      hasRung = true;
      if (isWaiting) answer.destroy(new Stalled(`silent for ${idleMs / 1000} s in the middle of an answer`));
    }, idleMs);
    try {
      const iterator: AsyncIterator<Uint8Array> = answer[Symbol.asyncIterator]();
      for (;;) {
        isWaiting = true;
        const { done, value } = await iterator.next();
        isWaiting = false;
        if (done) return;
        bytes += value.length;
        yield value;
        if (bytes < leastBytes && !hasRung) continue;
        [hasRung, bytes] = [false, 0];
        timer.refresh();
      }
    } finally {
      clearTimeout(timer);
      answer.destroy();
    }
  }

  /** Ends the connections. */
  close(): void {
    for (const made of this.#agents.values()) {
      made.then(
        (agent) => agent.destroy(),
        () => undefined,
      );
    }
  }

  async #answered(request: ClientRequest, body: TransportRequest['body']): Promise<IncomingMessage> {
    const { idleMs, commitMs } = this.#patience;
    const { dialTimeoutMs } = this.#host;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    request.once('response', resolve).on('error', reject);
    const limit = (ms: number, what: string) => setTimeout(() => request.destroy(new Stalled(`${what} within ${ms / 1000} s`)), ms);
    const dialing = limit(dialTimeoutMs, 'no connection');
    let silence = limit(idleMs, 'no answer');
    let isAnswered = false;
    request.once('socket', (socket) => {
      const isUp = () => clearTimeout(dialing);
      if (socket.connecting) socket.once('encrypted' in socket ? 'secureConnect' : 'connect', isUp);
      else isUp();
    });
    const upload = async function* (source: AsyncIterable<Uint8Array>) {
      for await (const chunk of source) {
        yield chunk;
        silence.refresh();
      }
      clearTimeout(silence);
      if (!isAnswered) silence = limit(commitMs, 'no answer');
    };
    try {
      if (body) pipeline(body.open(), upload, request).catch(reject);
      else request.end();
      return await promise;
    } finally {
      isAnswered = true;
      clearTimeout(silence);
      clearTimeout(dialing);
    }
  }

  /** A client certificate is for the host itself; what it points to is only trusted in the same way. */
  #agentFor(url: URL): Promise<Agent> {
    const isHost = url.origin === new URL(this.#host.api).origin;
    const kind = [url.protocol, isHost, isLoopback(url.host)].join();
    const known = this.#agents.get(kind);
    if (known) return known;
    const made = this.#newAgent(url, isHost);
    this.#agents.set(kind, made);
    // Certificates that can't be read are read again.
    made.catch(() => this.#agents.delete(kind));
    return made;
  }

  async #newAgent(url: URL, isHost: boolean): Promise<Agent> {
    const options = { keepAlive: true, ...this.#proxyFor(url) };
    return url.protocol === 'http:' ? new HttpAgent(options) : new HttpsAgent({ ...options, ...(await this.#tls(isHost)) });
  }

  #tls(isHost: boolean): Promise<TlsOptions> {
    const { ca, client, skipVerify } = this.#host;
    return tlsOptions({ ca, client: isHost ? client : [], skipVerify });
  }

  #proxyFor(url: URL): { proxyEnv?: NodeJS.ProcessEnv } {
    const { proxy } = this.#host;
    if (proxy !== undefined) return { proxyEnv: { http_proxy: proxy, https_proxy: proxy } };
    return isLoopback(url.host) ? {} : { proxyEnv: process.env };
  }
}
