import { once } from 'node:events';
import { WebSocket } from 'ws';

/** A client of channel.k8s.io: what came on each channel, and messages to send. */
export class WebSocketClient {
  readonly socket: WebSocket;
  readonly #channels = new Map<number, Buffer>();
  /** With the code that the server gave. */
  readonly closed: Promise<number>;
  #messages = 0;

  static async open(
    url: string,
    protocols: string | string[] = 'v5.channel.k8s.io',
    options: { ca?: string } = {},
  ): Promise<WebSocketClient> {
    const client = new WebSocketClient(new WebSocket(url.replace(/^http/, 'ws'), protocols, options));
    await once(client.socket, 'open');
    return client;
  }

  constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('message', (data: Buffer) => {
      this.#messages += 1;
      const channel = data[0] ?? -1;
      this.#channels.set(channel, Buffer.concat([this.#channels.get(channel) ?? Buffer.alloc(0), data.subarray(1)]));
    });
  }

  get messages(): number {
    return this.#messages;
  }

  send(channel: number, data: string | Uint8Array): void {
    this.socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(data)]));
  }

  bytes(channel: number): Buffer {
    return this.#channels.get(channel) ?? Buffer.alloc(0);
  }

  received(channel: number): string {
    return this.bytes(channel).toString();
  }

  /** The status on the error channel, once the server has closed the connection. */
  async status(): Promise<Record<string, unknown>> {
    await this.closed;
    return JSON.parse(this.received(3)) as Record<string, unknown>;
  }
}
