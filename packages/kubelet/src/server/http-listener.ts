import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import { PluginError } from '@berth/sdk/errors';
import type { HttpMetrics } from '../metrics/http-metrics.ts';
import type { Denial } from './request-guard.ts';
import { type Router, sendText } from './router.ts';
import { answerOnSocket, type SessionProxy } from './session-proxy.ts';

export interface HttpListenerOptions {
  /** As kubelet's metrics tell servers apart. */
  serverType: 'readwrite' | 'readonly' | 'healthz' | 'socket';
  router: Router;
  metrics: HttpMetrics;
  /** Given for a port that takes sessions. */
  sessions?: SessionProxy;
  /** Undefined: whoever can connect may ask. */
  guard?: { check(request: IncomingMessage): Promise<Denial | undefined> };
  /** Undefined: no TLS. */
  tls?: ServerOptions;
}

/** A port, and what configures it. */
export interface PortPlace {
  host: string;
  port: number;
  /** The fields of KubeletConfiguration that the two are. */
  fields: { host: string; port: string };
}

/** Go's own limit of headers is 1 MiB; nobody here needs more than this. */
const maxHeaderSize = 64 * 1024;
const headersTimeoutMs = 10_000;
/** For the body too: routes take small ones. */
const requestTimeoutMs = 60_000;
/** kubelet's IdleTimeout. */
const keepAliveTimeoutMs = 90_000;
/** How long answers that are on their way may take as the kubelet ends. */
const closeGraceMs = 1000;

/** One place where the kubelet answers HTTP/1.1. */
export class HttpListener {
  readonly #options: HttpListenerOptions;
  readonly #server: Server;
  readonly #closing = new AbortController();

  constructor(options: HttpListenerOptions) {
    this.#options = options;
    const limits = {
      maxHeaderSize,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
    };
    this.#server = options.tls ? createTlsServer({ ...limits, ...options.tls }) : createServer(limits);
    this.#server.on('request', (request, response) => void this.#answer(request, response));
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => void this.#upgrade(request, socket, head));
    // One that speaks no TLS, or shows a certificate that can't be read, is cut off.
    this.#server.on('tlsClientError', (_error, socket: Duplex) => void socket.destroy());
  }

  /** ALREADY_EXISTS where another program has the port, INVALID_ARGUMENT for an address that isn't the host's. */
  async listen(place: { path: string } | PortPlace): Promise<void> {
    this.#server.listen('path' in place ? { path: place.path } : { host: place.host, port: place.port });
    await once(this.#server, 'listening').catch((thrown: NodeJS.ErrnoException) => {
      throw 'path' in place ? PluginError.from(thrown, 'INTERNAL', { object: `socket ${place.path}` }) : refusal(place, thrown);
    });
  }

  /** New TLS material, for connections from now on. */
  renew(tls: ServerOptions): void {
    if ('setSecureContext' in this.#server) (this.#server as ReturnType<typeof createTlsServer>).setSecureContext(tls);
  }

  /** Takes no more connections, ends what would go on for ever, and what else doesn't end in time. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#closing.abort();
    this.#server.closeIdleConnections();
    const overdue = setTimeout(() => this.#server.closeAllConnections(), closeGraceMs);
    await closed;
    clearTimeout(overdue);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const ended = this.#begin(request);
    response.once('close', ended);
    const denial = await this.#options.guard?.check(request);
    if (denial) sendText(response, denial.status, denial.message);
    else await this.#options.router.handle(request, response, this.#closing.signal);
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { sessions, guard } = this.#options;
    socket.once('close', this.#begin(request)).on('error', () => undefined);
    const denial = await guard?.check(request);
    if (denial || !sessions) answerOnSocket(socket, denial?.status ?? 404, denial?.message ?? '404 page not found');
    else await sessions.handle(request, socket, head);
  }

  #begin({ method = '', url = '' }: IncomingMessage): () => void {
    return this.#options.metrics.begin(method, url, this.#options.serverType);
  }
}

/** Why a port can't be had, by the fields that ask for it. */
function refusal({ host, port, fields }: PortPlace, thrown: NodeJS.ErrnoException): PluginError {
  const object = `${fields.port} ${isIPv6(host) ? `[${host}]` : host}:${port}`;
  switch (thrown.code) {
    case 'EADDRINUSE':
      return new PluginError('ALREADY_EXISTS', 'another program listens there', {
        object,
        hint: `end it ("ss -ltnp sport = :${port}" names it), or give another ${fields.port} in the kubelet configuration`,
      });
    case 'EADDRNOTAVAIL':
      return new PluginError('INVALID_ARGUMENT', `this host has no address ${host}`, {
        object,
        hint: `give one that it has as ${fields.host} in the kubelet configuration, or 0.0.0.0 for all`,
      });
    default:
      return PluginError.from(thrown, 'INTERNAL', { object });
  }
}
