import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { formatAddress } from '@berth/sdk/address';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import { IdleTimeout } from './idle-timeout.ts';
import { serveSpdy } from './serve-spdy.ts';
import { serveWebSocket } from './serve-websocket.ts';
import { servedAddress } from './served-address.ts';
import { type CertificateFiles, ServingCertificate } from './serving-certificate.ts';
import type { Session } from './session.ts';
import { SessionTokens } from './session-tokens.ts';
import { refuse } from './upgrade.ts';

interface StreamingServerOptions {
  /** `HOST:PORT`, as clients reach it; port 0: any that is free. */
  address: string;
  /** Serves HTTPS. Needed for an address that isn't on loopback. */
  tls?: CertificateFiles;
  log: Logger;
  /** A session without data for so long is ended; default 4 hours, as kubelet's streamingConnectionIdleTimeout. */
  idleTimeoutMs?: number;
  /** Most sessions that may have been asked for, and not been fetched; default 1000. */
  mostWaiting?: number;
  /** Most sessions that may go on at once; default 1000. */
  mostOpen?: number;
}

const fourHoursMs = 4 * 60 * 60 * 1000;

/** How long a connection may be silent before the kernel looks whether its other side is still there. */
const keepAliveMs = 30_000;

/** Longest that a client may take to agree on TLS; it would hold up `close`. */
const handshakeDeadlineMs = 5000;

/**
 * Where clients fetch what they asked for by Exec, Attach and PortForward: `/exec/TOKEN`, `/attach/TOKEN` and `/portforward/TOKEN`,
 * upgraded to SPDY/3.1 or WebSocket. The tokens tell who may; that nobody reads them on the way is up to loopback, or TLS.
 */
export class StreamingServer {
  readonly #options: StreamingServerOptions;
  readonly #address: { host: string; port: number };
  readonly #certificate: ServingCertificate | undefined;
  readonly #server: ReturnType<typeof createServer> | ReturnType<typeof createTlsServer>;
  readonly #tokens: SessionTokens<Session>;
  readonly #open = new Map<Duplex, Promise<void>>();
  readonly #ending = new AbortController();

  /** Throws INVALID_ARGUMENT for a certificate or an address that it can't have. */
  constructor(options: StreamingServerOptions) {
    this.#options = options;
    this.#address = servedAddress(options);
    this.#tokens = new SessionTokens({ ...(options.mostWaiting !== undefined && { most: options.mostWaiting }) });
    this.#certificate = options.tls && new ServingCertificate(options.tls);
    const keepAlive = { keepAlive: true, keepAliveInitialDelay: keepAliveMs };
    this.#server = this.#certificate
      ? createTlsServer({ ...keepAlive, ...this.#certificate.pair, handshakeTimeout: handshakeDeadlineMs }, refuseWithoutUpgrade)
      : createServer(keepAlive, refuseWithoutUpgrade);
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  async listen(): Promise<void> {
    this.#server.listen(this.#address.port, this.#address.host);
    await once(this.#server, 'listening').catch((thrown) => {
      throw PluginError.from(thrown, 'INTERNAL', { object: `streaming address ${this.#options.address}`, hint: 'choose another port' });
    });
  }

  /** Where a client fetches the session: once, within a minute. `bytes` of the request are held until then. RESOURCE_EXHAUSTED where there are too many. */
  url(session: Session, bytes = 0): string {
    const most = this.#options.mostOpen ?? 1000;
    if (this.#open.size >= most) {
      throw new PluginError('RESOURCE_EXHAUSTED', `${most} sessions are going on`, {
        object: 'streaming server',
        hint: 'end some of them',
      });
    }
    this.#renewCertificate();
    const { port } = this.#server.address() as AddressInfo;
    const origin = `${this.#certificate ? 'https' : 'http'}://${formatAddress({ ...this.#address, kind: 'tcp', port })}`;
    return `${origin}/${session.kind}/${this.#tokens.issue(session, bytes)}`;
  }

  /** Ends all sessions. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    this.#ending.abort(new PluginError('UNAVAILABLE', 'the shim is ending', { object: 'streaming session' }));
    const sessions = [...this.#open];
    for (const [socket] of sessions) socket.destroy();
    await Promise.all(sessions.map(([, session]) => session));
    await closed;
  }

  /** Each session begins with a call for its URL: a certificate that was replaced before is the one that its client sees. */
  #renewCertificate(): void {
    try {
      if (this.#certificate?.renew() && 'setSecureContext' in this.#server) this.#server.setSecureContext(this.#certificate.pair);
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the streaming server keeps its certificate');
    }
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Its close follows.
    socket.on('error', () => undefined);
    const [, kind, token] = /^\/(exec|attach|portforward)\/([\w-]+)(?:\?.*)?$/.exec(request.url ?? '') ?? [];
    const session = token === undefined ? undefined : this.#tokens.redeem(token);
    if (session?.kind !== kind || !session) {
      refuse(socket, 404, 'no session by this token: it was used, has expired, or never was');
      return;
    }
    const serving = this.#serve(session, request, socket, head).finally(() => this.#open.delete(socket));
    this.#open.set(socket, serving);
  }

  async #serve(session: Session, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { log, idleTimeoutMs = fourHoursMs } = this.#options;
    const idle = new IdleTimeout(idleTimeoutMs, () => socket.destroy());
    const serve = request.headers.upgrade?.toLowerCase() === 'websocket' ? serveWebSocket : serveSpdy;
    log.debug({ object: session.object }, `${session.kind} begins`);
    try {
      await serve(session, { request, socket, head }, idle.touch, this.#ending.signal);
    } catch (error) {
      socket.destroy();
      log.warn({ err: error, object: session.object }, `${session.kind} failed`);
    } finally {
      idle.end();
      log.debug({ object: session.object }, `${session.kind} ended`);
    }
  }
}

const refuseWithoutUpgrade: RequestListener = (_request, response) => {
  response
    .writeHead(400, { 'content-type': 'text/plain' })
    .end('unable to upgrade: the request asks for no upgrade to SPDY/3.1 or websocket\n');
};
