// The package has no types of its own; programs that take these sources in need to find ours.
/// <reference path="./hpack-js.d.ts" />
import hpack from 'hpack.js';

/** One header field of a request; bytes as Latin-1. */
export interface HeaderField {
  name: string;
  value: string;
  /** The sender asks that no one puts it into a compression table. */
  neverIndex: boolean;
}

/** What an HTTP/2 server grants until it says otherwise (RFC 9113, 6.5.2), and Node's never does. */
const headerTableBytes = 4096;

/** Decodes the header blocks of one connection, in their order: each may refer to those before it (HPACK, RFC 7541). */
export class HeaderBlockDecoder {
  readonly #decompressor = hpack.decompressor.create({ table: { maxSize: headerTableBytes } });
  #error: Error | undefined;

  constructor() {
    this.#decompressor.on('error', (error) => {
      this.#error = error;
    });
  }

  /** Throws for a block that breaks RFC 7541; the connection's table is lost then. */
  decode(block: Buffer): HeaderField[] {
    this.#decompressor.write(block);
    this.#decompressor.execute();
    if (this.#error) throw this.#error;
    const fields: HeaderField[] = [];
    for (let field = this.#decompressor.read(); field; field = this.#decompressor.read()) fields.push(field);
    return fields;
  }
}

/** Encodes fields so that the receiver needs no table: literals without indexing (RFC 7541, 6.2.2 and 6.2.3). */
export function encodeHeaderBlock(fields: readonly HeaderField[]): Buffer {
  return Buffer.concat(
    fields.flatMap(({ name, value, neverIndex }) => [Buffer.of(neverIndex ? 0x10 : 0), ...string(name), ...string(value)]),
  );
}

/** Without Huffman coding: these bytes only cross a function call. */
function string(value: string): Buffer[] {
  const bytes = Buffer.from(value, 'latin1');
  return [integer(bytes.length), bytes];
}

/** An integer with a 7 bit prefix (RFC 7541, 5.1). */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.of(value);
  const bytes = [127];
  let left = value - 127;
  for (; left >= 128; left >>>= 7) bytes.push((left & 127) | 128);
  return Buffer.from([...bytes, left]);
}
