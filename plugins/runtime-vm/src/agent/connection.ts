import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { PluginError } from '@berth/sdk/errors';
import { Stream } from '@berth/sdk/guest';
import { type FrameSender, OutputStream } from './output-stream.ts';

/** Longest that a port of the machine itself may take to answer. */
const connectDeadlineMs = 5000;

/** A connection to a port on the machine's loopback, each direction with an end of its own. */
export class Connection {
  readonly #id: string;
  readonly #socket: Socket;
  readonly #port: FrameSender;
  readonly #output: OutputStream;

  private constructor(id: string, socket: Socket, port: FrameSender) {
    this.#id = id;
    this.#socket = socket;
    this.#port = port;
    this.#output = new OutputStream(id, Stream.STREAM_STDOUT, port);
  }

  static async open(id: string, tcpPort: number, port: FrameSender): Promise<Connection> {
    const socket = createConnection({ host: '127.0.0.1', port: tcpPort, allowHalfOpen: true });
    // What it fails by is told by its end, also where nobody reads or writes just then.
    socket.on('error', () => undefined);
    try {
      await once(socket, 'connect', { signal: AbortSignal.timeout(connectDeadlineMs) });
    } catch (error) {
      socket.destroy();
      const { code, message } = error as NodeJS.ErrnoException;
      throw new PluginError('UNAVAILABLE', `no connection: ${code ?? message}`, { object: `port ${tcpPort} on the pod's loopback` });
    }
    return new Connection(id, socket, port);
  }

  /** Resolves when both directions have ended. */
  async copy(): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.once('close', resolve));
    try {
      for await (const chunk of this.#socket.iterator({ destroyOnReturn: false })) await this.#output.send(chunk as Buffer);
    } catch {
      // Reset by the other side: the end follows.
      this.#socket.destroy();
    }
    // The other direction may go on.
    if (!this.#socket.destroyed) await this.#sendEnd();
    await closed;
    await this.#port.send({ $case: 'exited', value: { process: this.#id, exitCode: 0, oom: false } });
  }

  grant(_stream: Stream, bytes: number): void {
    this.#output.grant(bytes);
  }

  async write(data: Uint8Array, end: boolean): Promise<void> {
    if (!this.#socket.writable) return;
    if (data.length > 0) await new Promise<void>((resolve) => this.#socket.write(data, () => resolve()));
    if (end) this.#socket.end();
  }

  signal(): void {
    this.#output.close();
    this.#socket.destroy();
  }

  async #sendEnd(): Promise<void> {
    const value = { process: this.#id, stream: Stream.STREAM_STDOUT, data: Buffer.alloc(0) };
    await this.#port.send({ $case: 'output', value });
  }
}
