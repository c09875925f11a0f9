import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib';
import { PluginError } from '@berth/sdk/errors';
import { headerDictionary } from '@berth/sdk/spdy-header-dictionary';

/** Names are lower case; what comes more than once is joined by NUL (SPDY/3.1, 2.6.10). */
export type Headers = Record<string, string>;

/** Most that all header blocks of one connection may unpack to, each. */
const longestBlock = 64 * 1024;

/** Packs the header blocks of one direction of a connection: one zlib stream for all of them, so in order. */
export class HeaderPacker {
  readonly #deflate: Deflate = createDeflate({ dictionary: headerDictionary, flush: constants.Z_SYNC_FLUSH }).on('error', told);

  async pack(headers: Headers): Promise<Buffer> {
    return through(this.#deflate, encode(headers));
  }

  close(): void {
    this.#deflate.close();
  }
}

/** Unpacks the header blocks of one direction of a connection, in the order that they came in. */
export class HeaderUnpacker {
  readonly #inflate: Inflate = createInflate({ dictionary: headerDictionary, flush: constants.Z_SYNC_FLUSH }).on('error', told);

  /** Throws on what isn't a header block, or one that is too large unpacked; the connection is of no use then. */
  async unpack(block: Uint8Array): Promise<Headers> {
    return decode(await through(this.#inflate, block));
  }

  close(): void {
    this.#inflate.close();
  }
}

/** An error reaches whoever waits for a block; one without a listener would end the process. */
function told(): void {}

async function through(zlib: Deflate | Inflate, block: Uint8Array): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const chunks: Buffer[] = [];
  let length = 0;
  const failed = (error: Error): void => reject(PluginError.from(error, 'INVALID_ARGUMENT', { object: 'SPDY headers' }));
  const collect = (chunk: Buffer): void => {
    chunks.push(chunk);
    length += chunk.length;
    if (length <= longestBlock) return;
    failed(malformed('more than 64 KiB of headers'));
    zlib.destroy();
  };
  zlib.on('data', collect).once('error', failed);
  try {
    zlib.write(block, (error) => (error ? failed(error) : resolve()));
    await promise;
  } finally {
    zlib.off('data', collect).off('error', failed);
  }
  return Buffer.concat(chunks);
}

function encode(headers: Headers): Buffer {
  const pairs = Object.entries(headers);
  return Buffer.concat([size(pairs.length), ...pairs.flatMap(([name, value]) => [text(name.toLowerCase()), text(value)])]);
}

function decode(block: Buffer): Headers {
  let at = 0;
  const take = (length: number): Buffer => {
    if (at + length > block.length) throw malformed('they end too early');
    at += length;
    return block.subarray(at - length, at);
  };
  const string = (): string => take(take(4).readUInt32BE()).toString();
  const count = take(4).readUInt32BE();
  // No prototype: a name such as __proto__ is one like any other.
  const headers: Headers = Object.create(null);
  for (let index = 0; index < count; index++) headers[string().toLowerCase()] = string();
  return headers;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([size(bytes.length), bytes]);
}

function size(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function malformed(what: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', what, { object: 'SPDY headers' });
}
