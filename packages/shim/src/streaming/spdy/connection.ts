import type { Duplex } from 'node:stream';
import { PluginError } from '@berth/sdk/errors';
import { encodeFrame, type Frame, FrameReader, rstStatus } from './frames.ts';
import { HeaderPacker, type Headers, HeaderUnpacker } from './header-block.ts';
import { SpdyStream } from './stream.ts';

interface SpdyOptions {
  /** Which side opened the connection: its streams have odd numbers. */
  role: 'server' | 'client';
  /** Told each stream that the other side opens, which it may refuse by destroying it. Left out: all are refused. */
  onStream?: (stream: SpdyStream) => void;
  /** Told whenever data of a stream comes or goes. */
  onActivity?: () => void;
}

/** Streams that the other side may have open at once; one more is refused. */
const mostStreams = 1000;

/** Longest that the other side may take to close once everything has been said. */
const closeDeadlineMs = 30_000;

/**
 * A SPDY/3.1 connection as Kubernetes speaks it. Its clients (moby/spdystream) neither send WINDOW_UPDATE nor heed it, so flow is
 * controlled by the transport alone: while a stream's reader is slow, nothing is read of the whole connection.
 */
export class SpdyConnection {
  /** Resolves when the transport has ended, whatever the reason. */
  readonly closed: Promise<void>;
  readonly #transport: Duplex;
  readonly #options: SpdyOptions;
  readonly #reader = new FrameReader();
  readonly #packer = new HeaderPacker();
  readonly #unpacker = new HeaderUnpacker();
  readonly #streams = new Map<number, SpdyStream>();
  #nextId: number;
  #lastRemoteId = 0;
  #sending: Promise<void> = Promise.resolve();

  constructor(transport: Duplex, options: SpdyOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#nextId = options.role === 'client' ? 1 : 2;
    this.closed = this.#run();
  }

  /** A new stream to the other side. */
  async open(headers: Headers): Promise<SpdyStream> {
    const stream = this.#add(this.#nextId, headers);
    this.#nextId += 2;
    await this.#sendHeaders('synStream', stream.id, headers);
    return stream;
  }

  /**
   * Waits until the other side closes, as it does when it has read all that was said, and closes after a time. Its streams have ended.
   * To close first would cost the other side what it hasn't handed to its readers: spdystream drops that with the connection.
   */
  async close(): Promise<void> {
    const overdue = setTimeout(() => this.#transport.destroy(), closeDeadlineMs);
    await this.closed;
    clearTimeout(overdue);
  }

  destroy(error?: Error): void {
    this.#transport.destroy(error);
  }

  async #run(): Promise<void> {
    try {
      for await (const bytes of this.#transport) {
        for (const frame of this.#reader.read(bytes as Uint8Array)) await this.#handle(frame);
      }
    } catch {
      // A malformed frame, or the transport's own failure: the streams are told below.
    } finally {
      this.#transport.destroy();
      for (const stream of this.#streams.values()) stream.destroy(gone());
      this.#packer.close();
      this.#unpacker.close();
    }
  }

  async #handle(frame: Frame): Promise<void> {
    switch (frame.type) {
      case 'synStream':
        return this.#opened(frame);
      case 'data':
        this.#options.onActivity?.();
        if (this.#streams.has(frame.streamId)) return this.#streams.get(frame.streamId)?.arrived(frame.data, frame.fin);
        // The last frames of a stream that has been closed here cross with its end.
        return;
      case 'synReply':
      case 'headers':
        await this.#unpacker.unpack(frame.headers);
        return this.#streams.get(frame.streamId)?.arrived(new Uint8Array(), frame.fin);
      case 'rstStream':
        this.#streams.get(frame.streamId)?.wasReset(gone());
        return;
      case 'ping':
        if (this.#isRemote(frame.id)) await this.#send(encodeFrame(frame));
        return;
    }
  }

  async #opened({ streamId, fin, headers: block }: Frame & { type: 'synStream' }): Promise<void> {
    const headers = await this.#unpacker.unpack(block);
    const { onStream } = this.#options;
    if (!this.#isRemote(streamId) || streamId <= this.#lastRemoteId) {
      throw new PluginError('INVALID_ARGUMENT', `stream ${streamId} can't be opened now`, { object: 'SPDY connection' });
    }
    this.#lastRemoteId = streamId;
    if (!onStream || this.#streams.size >= mostStreams) {
      return this.#send(encodeFrame({ type: 'rstStream', streamId, status: rstStatus.refusedStream }));
    }
    const stream = this.#add(streamId, headers);
    await this.#sendHeaders('synReply', streamId, {});
    onStream(stream);
    if (fin) await stream.arrived(new Uint8Array(), true);
  }

  #add(id: number, headers: Headers): SpdyStream {
    const stream = new SpdyStream(id, headers, {
      sendData: (streamId, data, fin) => {
        this.#options.onActivity?.();
        return this.#send(encodeFrame({ type: 'data', streamId, fin, data }));
      },
      reset: (streamId) => {
        this.#send(encodeFrame({ type: 'rstStream', streamId, status: rstStatus.cancel })).catch(() => undefined);
      },
      closed: (streamId) => this.#streams.delete(streamId),
    });
    // Who uses it listens too, or does not care.
    stream.on('error', () => undefined);
    this.#streams.set(id, stream);
    return stream;
  }

  #isRemote(id: number): boolean {
    return id % 2 === (this.#options.role === 'server' ? 1 : 0);
  }

  /** Header blocks share one zlib stream: packed in the order in which they are sent. */
  async #sendHeaders(type: 'synStream' | 'synReply', streamId: number, headers: Headers): Promise<void> {
    const sent = this.#sending.then(async () =>
      this.#send(encodeFrame({ type, streamId, fin: false, headers: await this.#packer.pack(headers) })),
    );
    this.#sending = sent.catch(() => undefined);
    await sent;
  }

  async #send(bytes: Buffer): Promise<void> {
    if (this.#transport.writableEnded || this.#transport.destroyed) throw gone();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#transport.write(bytes, (error) => (error ? reject(error) : resolve()));
    await promise;
  }
}

function gone(): PluginError {
  return new PluginError('UNAVAILABLE', 'the other side has gone', { object: 'SPDY stream' });
}
