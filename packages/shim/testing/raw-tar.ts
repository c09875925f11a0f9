/** Fields of a tar header as they are to stand there, which may be wrong. */
export interface RawEntry {
  name: string | Buffer;
  /** Type flag; default `0`, a file. */
  flag?: string;
  content?: string | Buffer;
  /** Default: the content's. */
  size?: number | Buffer;
  mode?: number;
  uid?: number | Buffer;
  modified?: number;
  linkName?: string;
  major?: number;
  minor?: number;
  /** Default: the right one. */
  checksum?: number;
  /** `ustar\0` and `00`, or what GNU tar writes. */
  magic?: string;
  prefix?: string;
}

const blockSize = 512;

/** A tar of these entries byte by byte, for what no tool would write. `end` is what stands after them: by default the two blocks of zeros. */
export function rawTar(entries: RawEntry[], end: Buffer = Buffer.alloc(2 * blockSize)): Buffer {
  return Buffer.concat([...entries.flatMap((entry) => [headerOf(entry), padded(Buffer.from(entry.content ?? ''))]), end]);
}

/** The entry that gives PAX records to the next one. */
export function paxRecords(records: Record<string, string | Buffer>): RawEntry {
  return {
    name: 'PaxHeaders/x',
    flag: 'x',
    content: Buffer.concat(Object.entries(records).map(([key, value]) => recordOf(key, Buffer.from(value)))),
  };
}

function recordOf(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let length = rest.length;
  while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function headerOf(entry: RawEntry): Buffer {
  const block = Buffer.alloc(blockSize);
  const put = (at: number, length: number, value: number | string | Buffer) => {
    const bytes = typeof value === 'number' ? Buffer.from(`${value.toString(8).padStart(length - 1, '0')}\0`) : Buffer.from(value);
    bytes.copy(block, at, 0, length);
  };
  put(0, 100, entry.name);
  put(100, 8, entry.mode ?? 0o644);
  put(108, 8, entry.uid ?? 0);
  put(116, 8, 0);
  put(124, 12, entry.size ?? Buffer.from(entry.content ?? '').length);
  put(136, 12, entry.modified ?? 0);
  put(156, 1, entry.flag ?? '0');
  put(157, 100, entry.linkName ?? '');
  put(257, 8, entry.magic ?? 'ustar\x0000');
  put(329, 8, entry.major ?? 0);
  put(337, 8, entry.minor ?? 0);
  put(345, 155, entry.prefix ?? '');
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, 8, entry.checksum ?? sum);
  return block;
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((blockSize - (content.length % blockSize)) % blockSize)]);
}
