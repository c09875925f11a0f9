import { PluginError } from '@berth/sdk/errors';
import { quoted } from '@berth/sdk/quoted';
import { readPaxRecords } from './pax-records.ts';
import { blockSize, damaged, type RawHeader, readHeader, sizeIn, type TarHeader, textOf, typeOf } from './tar-header.ts';

/** Of PAX records and long names, which are held in memory; Go's archive/tar, which builders use, takes no more either. */
const longestMetadata = 1024 * 1024;
const extendedPrefix = 'SCHILY.xattr.';

/** Takes the entries of a tar as they come: each begins, has pieces of content, and ends. */
export interface EntrySink {
  begin(header: TarHeader): void;
  content(bytes: Uint8Array): void;
  end(): void;
}

/**
 * Reads a tar from pieces of any size, in ustar, PAX or GNU format, without keeping any content. Our own because PAX records have to stay
 * bytes (libraries decode them, which breaks file capabilities), and their length has to have a limit.
 */
export class TarParser {
  readonly #sink: EntrySink;
  /** The start of a block whose rest is in the next piece. */
  readonly #partial = Buffer.alloc(blockSize);
  #partialLength = 0;
  /** Bytes of content and of padding behind it that are still to come. */
  #content = 0;
  #padding = 0;
  /** What is being read for the entry that follows. */
  #metadata: { flag: string; bytes: Buffer[] } | undefined;
  #pax = new Map<string, Buffer>();
  #longName: string | undefined;
  #longTarget: string | undefined;
  #zeroBlocks = 0;
  #inEntry = false;

  constructor(sink: EntrySink) {
    this.#sink = sink;
  }

  write(piece: Buffer): void {
    for (let at = 0; at < piece.length && this.#zeroBlocks < 2; ) at += this.#take(at === 0 ? piece : piece.subarray(at));
  }

  /** To be called after the last piece; throws DATA_LOSS in the middle of an entry. A missing end marker is no error. */
  end(): void {
    if (this.#partialLength > 0 || this.#content > 0 || this.#metadata) throw damaged('it ends in the middle of an entry');
  }

  /** Takes of the piece what belongs together; how much that is. */
  #take(piece: Buffer): number {
    if (this.#content > 0) return this.#takeContent(piece.length <= this.#content ? piece : piece.subarray(0, this.#content));
    if (this.#padding > 0) {
      const skipped = Math.min(this.#padding, piece.length);
      this.#padding -= skipped;
      return skipped;
    }
    if (this.#partialLength === 0 && piece.length >= blockSize) {
      this.#takeHeader(piece.subarray(0, blockSize));
      return blockSize;
    }
    const copied = piece.copy(this.#partial, this.#partialLength, 0, blockSize - this.#partialLength);
    this.#partialLength += copied;
    if (this.#partialLength === blockSize) {
      this.#partialLength = 0;
      this.#takeHeader(this.#partial);
    }
    return copied;
  }

  #takeContent(bytes: Buffer): number {
    this.#content -= bytes.length;
    // The piece is its giver's, who may use it again.
    if (this.#metadata) this.#metadata.bytes.push(Buffer.from(bytes));
    else this.#sink.content(bytes);
    if (this.#content === 0) this.#endContent();
    return bytes.length;
  }

  #takeHeader(block: Buffer): void {
    const raw = readHeader(block);
    if (!raw) {
      this.#zeroBlocks++;
      return;
    }
    if (this.#zeroBlocks > 0) throw damaged('an entry follows its end');
    if ('xgLK'.includes(raw.flag)) this.#beginMetadata(raw);
    else this.#beginEntry(raw);
    if (this.#content === 0) this.#endContent();
  }

  #beginMetadata({ flag, size }: RawHeader): void {
    if (size > longestMetadata) {
      throw new PluginError('INVALID_ARGUMENT', `a PAX header or long name has ${size} bytes, more than ${longestMetadata}`, {
        hint: 'build the image again with a tool that keeps to the OCI image specification',
      });
    }
    this.#metadata = { flag, bytes: [] };
    this.#expect(size);
  }

  #beginEntry(raw: RawHeader): void {
    const header = this.#complete(raw);
    this.#pax = new Map();
    this.#longName = undefined;
    this.#longTarget = undefined;
    this.#inEntry = true;
    this.#expect(header.size);
    this.#sink.begin(header);
  }

  #expect(size: number): void {
    this.#content = size;
    this.#padding = (blockSize - (size % blockSize)) % blockSize;
  }

  #endContent(): void {
    const { flag, bytes } = this.#metadata ?? {};
    this.#metadata = undefined;
    if (this.#inEntry) {
      this.#inEntry = false;
      this.#sink.end();
    } else if (bytes) {
      const all = Buffer.concat(bytes);
      if (flag === 'x') this.#pax = readPaxRecords(all);
      else if (flag === 'L') this.#longName = textOf(withoutNul(all));
      else if (flag === 'K') this.#longTarget = textOf(withoutNul(all));
      // Records for all entries (`g`) are for comments, and no unpacker of layers applies them.
    }
  }

  /** What came before the entry goes over what its own block says. */
  #complete(raw: RawHeader): TarHeader {
    const text = (key: string) => {
      const value = this.#pax.get(key);
      return value && textOf(value);
    };
    const number = (key: string) => numberOf(text(key));
    const name = text('path') ?? this.#longName ?? raw.name;
    const type = typeOf({ flag: raw.flag, name });
    if (type === undefined || [...this.#pax.keys()].some((key) => key.startsWith('GNU.sparse.'))) {
      const what =
        raw.flag === 'S' || type ? 'it is stored as a sparse file' : `its type ${quoted(raw.flag)} is none that a layer may hold`;
      throw new PluginError('INVALID_ARGUMENT', `entry ${quoted(name)}: ${what}`, {
        hint: 'build the image again with a tool that keeps to the OCI image specification',
      });
    }
    return {
      ...raw,
      name,
      type,
      size: type === 'file' ? sizeIn(number('size') ?? raw.size) : 0,
      uid: number('uid') ?? raw.uid,
      gid: number('gid') ?? raw.gid,
      modified: number('mtime') ?? raw.modified,
      target: text('linkpath') ?? this.#longTarget ?? raw.target,
      extended: new Map(
        [...this.#pax].flatMap(([key, value]) => (key.startsWith(extendedPrefix) ? [[key.slice(extendedPrefix.length), value]] : [])),
      ),
    };
  }
}

function withoutNul(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return end === -1 ? bytes : bytes.subarray(0, end);
}

function numberOf(text: string | undefined): number | undefined {
  const number = Number.parseFloat(text ?? '');
  return Number.isFinite(number) ? number : undefined;
}
