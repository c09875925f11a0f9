import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Server } from '@grpc/grpc-js';
import { PluginError } from './errors.ts';
import type { Listener } from './listener.ts';

/** What ends the calls that run when their server closes: streams at once, unary calls after the grace. */
export interface Closing {
  streams: AbortController;
  calls: AbortController;
}

const defaultGraceMs = 5000;

/** A server that is up, and the way it goes down. */
export class RunningServer {
  readonly #server: Server;
  readonly #listener: Listener;
  readonly #sockets: ReadonlySet<Socket>;
  readonly #closing: Closing;
  #closed: Promise<void> | undefined;

  constructor(server: Server, listener: Listener, sockets: ReadonlySet<Socket>, closing: Closing) {
    this.#server = server;
    this.#listener = listener;
    this.#sockets = sockets;
    this.#closing = closing;
  }

  get address(): string {
    return this.#listener.address;
  }

  close(graceMs: number = defaultGraceMs): Promise<void> {
    this.#closed ??= this.#close(graceMs);
    return this.#closed;
  }

  async #close(graceMs: number): Promise<void> {
    const reason = new PluginError('UNAVAILABLE', 'the plugin is shutting down');
    const listenerClosed = this.#listener.close();
    this.#closing.streams.abort(reason);
    const finished = Promise.withResolvers<void>();
    this.#server.tryShutdown(() => finished.resolve());
    const grace = new AbortController();
    const graceOver = delay(graceMs, undefined, { signal: grace.signal }).catch(() => {});
    await Promise.race([finished.promise, graceOver]);
    grace.abort();
    this.#closing.calls.abort(reason);
    this.#server.forceShutdown();
    for (const socket of this.#sockets) socket.destroy();
    await listenerClosed;
  }
}
