import { once } from 'node:events';
import { request } from 'node:http';
import { request as requestOverTls } from 'node:https';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { constants, createDeflate, createInflate } from 'node:zlib';
import { headerDictionary } from '@berth/sdk/spdy-header-dictionary';

const handshakeTimeoutMs = 10_000;

/** Of control frames (SPDY/3.1, 2.2.1). */
const kinds = { synReply: 2, rstStream: 3 } as const;

/** What a server answered instead of an upgrade. */
export class NoUpgrade extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(`${status} ${text.trim()}`);
    this.status = status;
  }
}

export interface UpgradeOptions {
  /** Authorities, in PEM, that a server behind `https:` may have its certificate of; default those that Node.js knows. */
  ca?: string | Buffer;
  /** Ends the connection. */
  signal?: AbortSignal;
}

/** Asks for an upgrade; NoUpgrade where the server answers otherwise. */
export async function upgrade(
  url: string,
  headers: Record<string, string>,
  { ca, signal }: UpgradeOptions = {},
): Promise<{ socket: Socket; version: string | undefined }> {
  const ask = url.startsWith('https:') ? requestOverTls : request;
  const method = headers.Upgrade === 'websocket' ? 'GET' : 'POST';
  const options = { timeout: handshakeTimeoutMs, ...(ca && { ca }), ...(signal && { signal }) };
  const asked = ask(url, { method, headers: { Connection: 'Upgrade', ...headers }, ...options }).end();
  const { promise, resolve, reject } = Promise.withResolvers<{ socket: Socket; version: string | undefined }>();
  asked.on('upgrade', (response, socket, head) => {
    (socket as Socket).setTimeout(0);
    if (head.length > 0) socket.unshift(head);
    resolve({ socket: socket as Socket, version: String(response.headers['x-stream-protocol-version']) });
  });
  asked.on('response', (response) => void text(response).then((body) => reject(new NoUpgrade(response.statusCode ?? 0, body)), reject));
  asked.on('timeout', () => asked.destroy(new Error(`no answer within ${handshakeTimeoutMs / 1000} s`)));
  asked.on('error', reject);
  return promise;
}

/**
 * A client of SPDY/3.1 as kubectl and crictl are one (moby/spdystream), written apart from our server: it knows only what it sends and
 * awaits. Streams are named by their numbers.
 */
export class SpdyClient {
  readonly socket: Socket;
  /** What the server has chosen of the versions. */
  readonly version: string | undefined;
  readonly #deflate = createDeflate({ dictionary: headerDictionary, flush: constants.Z_SYNC_FLUSH });
  readonly #inflate = createInflate({ dictionary: headerDictionary, flush: constants.Z_SYNC_FLUSH });
  readonly #received = new Map<number, { chunks: Buffer[]; ended: boolean }>();
  #changed = Promise.withResolvers<void>();
  #nextId = 1;
  #unread = Buffer.alloc(0);

  /** `versions`: what X-Stream-Protocol-Version says; empty: no such header. NoUpgrade where the server refuses. */
  static async open(url: string, versions = 'v4.channel.k8s.io', options: UpgradeOptions = {}): Promise<SpdyClient> {
    const headers = { Upgrade: 'SPDY/3.1', ...(versions && { 'X-Stream-Protocol-Version': versions }) };
    const { socket, version } = await upgrade(url, headers, options);
    const client = new SpdyClient(socket, version);
    const abort = (): void => client.close();
    options.signal?.addEventListener('abort', abort, { once: true });
    socket.once('close', () => options.signal?.removeEventListener('abort', abort));
    return client;
  }

  constructor(socket: Socket, version?: string) {
    this.socket = socket;
    this.version = version;
    socket
      .on('data', (bytes: Buffer) => this.#read(bytes))
      .on('error', () => undefined)
      .on('close', () => this.#change());
    this.#inflate.on('error', (error) => socket.destroy(error)).resume();
  }

  /** SYN_STREAM; gives the stream's number. One call at a time. */
  async openStream(headers: Record<string, string>): Promise<number> {
    const id = this.#nextId;
    this.#nextId += 2;
    const pairs = Object.entries(headers)
      .flat()
      .map((text) => Buffer.concat([word(text.length), Buffer.from(text)]));
    this.#deflate.write(Buffer.concat([word(pairs.length / 2), ...pairs]));
    await once(this.#deflate, 'readable');
    const block = this.#deflate.read() as Buffer;
    this.socket.write(Buffer.concat([Buffer.from([0x80, 3, 0, 1]), word(block.length + 10), word(id), word(0), Buffer.alloc(2), block]));
    this.#received.set(id, { chunks: [], ended: false });
    return id;
  }

  /** A data frame; `last`: with FIN. */
  send(id: number, data: string | Uint8Array, last = false): void {
    const bytes = Buffer.from(data);
    this.socket.write(Buffer.concat([word(id), word(((last ? 1 : 0) << 24) | bytes.length), bytes]));
  }

  /** RST_STREAM: the client neither sends nor wants any more of a stream. */
  reset(id: number): void {
    this.socket.write(Buffer.concat([Buffer.from([0x80, 3, 0, kinds.rstStream]), word(8), word(id), word(5)]));
  }

  /** All that came on a stream so far. */
  received(id: number): string {
    return Buffer.concat(this.#received.get(id)?.chunks ?? []).toString();
  }

  /** Whether the server has ended a stream, or has reset it. */
  hasEnded(id: number): boolean {
    return this.#received.get(id)?.ended ?? false;
  }

  /** Waits until what came on a stream matches; throws what came if the connection ends first. */
  async receives(id: number, pattern: RegExp): Promise<string> {
    await this.#until(
      () => pattern.test(this.received(id)),
      () => `${pattern} came on stream ${id}, which has ${JSON.stringify(this.received(id))}`,
    );
    return this.received(id);
  }

  /** Resolves when the server has ended these streams, and closes the connection. */
  async ended(ids: number[]): Promise<void> {
    await this.#until(
      () => ids.every((id) => this.hasEnded(id)),
      () => `the streams ${ids.join(', ')} had all ended`,
    );
    this.close();
  }

  close(): void {
    this.socket.destroy();
  }

  async #until(isSo: () => boolean, awaited: () => string): Promise<void> {
    while (!isSo()) {
      if (this.socket.closed) throw new Error(`the connection ended before ${awaited()}`);
      await this.#changed.promise;
    }
  }

  #change(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }

  #read(bytes: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    while (this.#unread.length >= 8 && this.#unread.length >= 8 + this.#unread.readUIntBE(5, 3)) {
      const length = 8 + this.#unread.readUIntBE(5, 3);
      this.#frame(this.#unread.subarray(0, length));
      this.#unread = this.#unread.subarray(length);
    }
    this.#change();
  }

  #frame(frame: Buffer): void {
    const isControl = (frame[0] ?? 0) >= 0x80;
    const stream = this.#received.get(frame.readUInt32BE(isControl ? 8 : 0));
    if (isControl && frame[3] === kinds.synReply) this.#inflate.write(frame.subarray(12));
    if (isControl && frame[3] === kinds.rstStream && stream) stream.ended = true;
    if (isControl || !stream) return;
    stream.chunks.push(Buffer.from(frame.subarray(8)));
    if (frame[4] === 1) stream.ended = true;
  }
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
