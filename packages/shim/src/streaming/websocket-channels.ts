import { Readable, Writable } from 'node:stream';
import type { RawData, WebSocket } from 'ws';

interface ChannelOptions {
  /** Text frames with base64 in them, for clients that can't send bytes. */
  base64: boolean;
  /** Whether the client may close a channel by itself, as from v5 on. */
  closeSignal: boolean;
  /** Told whenever data of a channel comes or goes. */
  onActivity?: () => void;
}

/** v5: the channel of a message that closes the channel which its one byte of data names. */
const closeChannel = 255;

/** Longest that a client may take to answer the end of the connection. */
const closeDeadlineMs = 5000;

/**
 * Streams over one WebSocket connection, told apart by the first byte of each message (channel.k8s.io). While a channel's reader is
 * slow, nothing is read of the whole connection.
 */
export class WebSocketChannels {
  /** Aborted when the client has gone, in whatever way. */
  readonly gone: AbortSignal;
  readonly #socket: WebSocket;
  readonly #options: ChannelOptions;
  readonly #readers = new Map<number, Readable>();
  /** Channels whose readers have to go on before more is read of the connection. */
  readonly #full = new Set<number>();

  constructor(socket: WebSocket, options: ChannelOptions) {
    this.#socket = socket;
    this.#options = options;
    const gone = new AbortController();
    this.gone = gone.signal;
    socket.on('message', (data) => this.#arrived(data));
    // Its close follows; a malformed frame is answered by ws itself.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      // What has arrived may still be read: closing the connection is how clients before v5 end their input.
      for (const channel of this.#readers.keys()) this.#end(channel);
      gone.abort();
    });
    // What comes is read in a later turn: by then the channels are there.
    socket.resume();
  }

  /** What the client sends on a channel. What it sends on one that nobody reads is dropped. */
  readable(channel: number): Readable {
    const reader = new Readable({ read: () => this.#drained(channel) });
    this.#readers.set(channel, reader);
    return reader;
  }

  /** To the client on a channel. A write is done when it has been handed to the kernel. */
  writable(channel: number): Writable {
    return new Writable({
      decodeStrings: true,
      write: (chunk: Buffer, _encoding, done) => void this.send(channel, chunk).then(() => done(), done),
    });
  }

  /** One message to the client; it may be empty. */
  async send(channel: number, data: Uint8Array): Promise<void> {
    this.#options.onActivity?.();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#socket.send(this.#encode(channel, data), (error) => (error ? reject(error) : resolve()));
    await promise;
  }

  /** Ends the connection, once what was written has gone out. */
  async close(): Promise<void> {
    if (this.gone.aborted) return;
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    // A paused socket would never see the client's answer.
    for (const reader of this.#readers.values()) reader.destroy();
    this.#readers.clear();
    this.#full.clear();
    this.#socket.resume();
    this.#socket.close(1000);
    const overdue = setTimeout(() => this.#socket.terminate(), closeDeadlineMs);
    await closed;
    clearTimeout(overdue);
  }

  #arrived(data: RawData): void {
    this.#options.onActivity?.();
    const { channel, bytes } = this.#decode(data as Buffer);
    if (channel === closeChannel && this.#options.closeSignal) {
      this.#end(bytes[0] ?? closeChannel);
      return;
    }
    const reader = this.#readers.get(channel);
    if (!reader || reader.destroyed || bytes.length === 0 || reader.push(bytes)) return;
    this.#full.add(channel);
    this.#socket.pause();
  }

  /** Nothing more comes on a channel; what does is dropped. */
  #end(channel: number): void {
    this.#readers.get(channel)?.push(null);
    this.#readers.delete(channel);
    // A stream that has its end doesn't ask for more.
    this.#drained(channel);
  }

  #drained(channel: number): void {
    this.#full.delete(channel);
    if (this.#full.size === 0) this.#socket.resume();
  }

  #decode(message: Buffer): { channel: number; bytes: Buffer } {
    const first = message[0] ?? closeChannel;
    if (!this.#options.base64) return { channel: first, bytes: message.subarray(1) };
    // The channel is one digit of text.
    return { channel: first - 0x30, bytes: Buffer.from(message.toString('latin1', 1), 'base64') };
  }

  #encode(channel: number, data: Uint8Array): Buffer | string {
    if (!this.#options.base64) return Buffer.concat([Buffer.from([channel]), data]);
    return `${channel}${Buffer.from(data).toString('base64')}`;
  }
}
