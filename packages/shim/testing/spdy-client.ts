import { once } from 'node:events';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { constants, createDeflate, createInflate } from 'node:zlib';
import { headerDictionary } from '../src/streaming/spdy/header-dictionary.ts';

/** What a server answered instead of an upgrade. */
export class NoUpgrade extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
}

/** Asks for an upgrade; NoUpgrade where the server answers otherwise. */
export async function upgrade(url: string, headers: Record<string, string>): Promise<{ socket: Socket; version: string | undefined }> {
  const asked = request(url, {
    method: headers.Upgrade === 'websocket' ? 'GET' : 'POST',
    headers: { Connection: 'Upgrade', ...headers },
  }).end();
  const { promise, resolve, reject } = Promise.withResolvers<{ socket: Socket; version: string | undefined }>();
  asked.on('upgrade', (response, socket, head) => {
    if (head.length > 0) socket.unshift(head);
    resolve({ socket: socket as Socket, version: String(response.headers['x-stream-protocol-version']) });
  });
  asked.on('response', (response) => void text(response).then((body) => reject(new NoUpgrade(response.statusCode ?? 0, body)), reject));
  asked.on('error', reject);
  return promise;
}

/** A SPDY/3.1 client as moby/spdystream is one, written apart from the server: it knows only what it sends and awaits. */
export class SpdyClient {
  readonly socket: Socket;
  readonly version: string | undefined;
  readonly #deflate = createDeflate({ dictionary: headerDictionary, flush: constants.Z_SYNC_FLUSH });
  readonly #inflate = createInflate({ dictionary: headerDictionary, flush: constants.Z_SYNC_FLUSH }).resume();
  readonly #received = new Map<number, { chunks: Buffer[]; ended: boolean }>();
  #nextId = 1;
  #unread = Buffer.alloc(0);

  static async open(url: string, version = 'v4.channel.k8s.io'): Promise<SpdyClient> {
    const { socket, version: agreed } = await upgrade(url, {
      Upgrade: 'SPDY/3.1',
      ...(version && { 'X-Stream-Protocol-Version': version }),
    });
    return new SpdyClient(socket, agreed);
  }

  constructor(socket: Socket, version?: string) {
    this.socket = socket;
    this.version = version;
    socket.on('data', (bytes: Buffer) => this.#read(bytes)).on('error', () => undefined);
  }

  /** SYN_STREAM; gives the stream's number. */
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

  received(id: number): string {
    return Buffer.concat(this.#received.get(id)?.chunks ?? []).toString();
  }

  hasEnded(id: number): boolean {
    return this.#received.get(id)?.ended ?? false;
  }

  /** Resolves when the server has ended these streams, and closes the connection. */
  async ended(ids: number[]): Promise<void> {
    while (!ids.every((id) => this.hasEnded(id))) await once(this.socket, 'data');
    this.socket.destroy();
  }

  #read(bytes: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    while (this.#unread.length >= 8 && this.#unread.length >= 8 + this.#unread.readUIntBE(5, 3)) {
      const length = 8 + this.#unread.readUIntBE(5, 3);
      this.#frame(this.#unread.subarray(0, length));
      this.#unread = this.#unread.subarray(length);
    }
  }

  #frame(frame: Buffer): void {
    const control = (frame[0] ?? 0) >= 0x80;
    const stream = this.#received.get(frame.readUInt32BE(control ? 8 : 0));
    if (control && frame[3] === 2) this.#inflate.write(frame.subarray(12));
    if (control && frame[3] === 3 && stream) stream.ended = true;
    if (control || !stream) return;
    stream.chunks.push(Buffer.from(frame.subarray(8)));
    if (frame[4] === 1) stream.ended = true;
  }
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
