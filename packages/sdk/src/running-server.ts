import { setTimeout as delay } from 'node:timers/promises';
import type { Server } from '@grpc/grpc-js';
import type { Connections } from './connections.ts';
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
  readonly #connections: Connections;
  readonly #closing: Closing;
  #closed: Promise<void> | undefined;

  constructor(server: Server, listener: Listener, connections: Connections, closing: Closing) {
    this.#server = server;
    this.#listener = listener;
    this.#connections = connections;
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
    // Its callback comes too early: Node's own closing of a server marks sessions as closed that still answer calls.
    this.#server.tryShutdown(() => {});
    await Promise.race([this.#connections.none(), delay(graceMs, undefined, { ref: false })]);
    this.#closing.calls.abort(reason);
    this.#server.forceShutdown();
    this.#connections.destroy();
    await listenerClosed;
  }
}
