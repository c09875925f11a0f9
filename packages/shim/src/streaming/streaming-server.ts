import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { formatAddress, parseAddress } from '@berth/sdk/address';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import { IdleTimeout } from './idle-timeout.ts';
import { serveSpdy } from './serve-spdy.ts';
import { serveWebSocket } from './serve-websocket.ts';
import type { Session } from './session.ts';
import { SessionTokens } from './session-tokens.ts';
import { refuse } from './upgrade.ts';

interface StreamingServerOptions {
  /** `HOST:PORT`; port 0: any that is free. */
  address: string;
  log: Logger;
  /** A session without data for so long is ended; default 4 hours, as kubelet's streamingConnectionIdleTimeout. */
  idleTimeoutMs?: number;
  /** Most sessions that may have been asked for, and not been fetched; default 1000. */
  mostWaiting?: number;
  /** Most sessions that may go on at once; default 1000. */
  mostOpen?: number;
}

const fourHoursMs = 4 * 60 * 60 * 1000;

/**
 * Where clients fetch what they asked for by Exec, Attach and PortForward: `/exec/TOKEN`, `/attach/TOKEN` and `/portforward/TOKEN`,
 * upgraded to SPDY/3.1 or WebSocket. The tokens are all that protects it: it belongs on loopback.
 */
export class StreamingServer {
  readonly #options: StreamingServerOptions;
  readonly #server: Server;
  readonly #tokens: SessionTokens<Session>;
  readonly #open = new Map<Duplex, Promise<void>>();
  readonly #ending = new AbortController();

  constructor(options: StreamingServerOptions) {
    this.#options = options;
    this.#tokens = new SessionTokens({ ...(options.mostWaiting !== undefined && { most: options.mostWaiting }) });
    this.#server = createServer((_request, response) => {
      response
        .writeHead(400, { 'content-type': 'text/plain' })
        .end('unable to upgrade: the request asks for no upgrade to SPDY/3.1 or websocket\n');
    });
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  async listen(): Promise<void> {
    const address = parseAddress(this.#options.address);
    if (address.kind !== 'tcp') {
      throw new PluginError('INVALID_ARGUMENT', 'it must be a TCP address', { object: `streaming address ${this.#options.address}` });
    }
    this.#server.listen(address.port, address.host);
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
    const { address: host, port } = this.#server.address() as AddressInfo;
    return `http://${formatAddress({ kind: 'tcp', host, port })}/${session.kind}/${this.#tokens.issue(session, bytes)}`;
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
