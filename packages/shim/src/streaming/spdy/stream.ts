import { Duplex } from 'node:stream';
import type { Headers } from './header-block.ts';

/** What a stream needs of its connection. */
export interface StreamTransport {
  /** Resolves when it has been handed to the kernel. */
  sendData(streamId: number, data: Uint8Array, fin: boolean): Promise<void>;
  /** Tells the other side that nothing more is sent or wanted. */
  reset(streamId: number): void;
  closed(streamId: number): void;
}

/** Data frames are no longer than this, so that streams of one connection take turns. */
const chunkBytes = 32 * 1024;

/** One stream of a SPDY connection. Its end is a frame with FIN; destroying it while anything is open resets it. */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: Headers;
  readonly #transport: StreamTransport;
  #wanted = Promise.withResolvers<void>();
  #hasEnded = false;
  #isReset = false;

  constructor(id: number, headers: Headers, transport: StreamTransport) {
    super({ allowHalfOpen: true, readableHighWaterMark: chunkBytes, writableHighWaterMark: chunkBytes });
    this.id = id;
    this.headers = headers;
    this.#transport = transport;
  }

  /** Takes data that has arrived; resolves when there is room for more. After its end, or once the reader has gone, it is dropped. */
  async arrived(data: Uint8Array, fin: boolean): Promise<void> {
    if (this.destroyed || this.#hasEnded) return;
    this.#hasEnded = fin;
    const full = data.length > 0 && !this.push(data);
    if (fin) this.push(null);
    else if (full) await this.#wanted.promise;
  }

  /** The other side has reset it, which is not answered by a reset (2.4.2). */
  wasReset(error: Error): void {
    this.#isReset = true;
    this.destroy(error);
  }

  override _read(): void {
    this.#wanted.resolve();
    this.#wanted = Promise.withResolvers();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#send(chunk).then(() => done(), done);
  }

  override _final(done: (error?: Error) => void): void {
    this.#transport.sendData(this.id, new Uint8Array(), true).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#wanted.resolve();
    const isOpen = !this.writableFinished || !this.readableEnded;
    if (isOpen && !this.#isReset) this.#transport.reset(this.id);
    this.#transport.closed(this.id);
    done(error);
  }

  async #send(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length; at += chunkBytes) {
      await this.#transport.sendData(this.id, chunk.subarray(at, at + chunkBytes), false);
    }
  }
}
