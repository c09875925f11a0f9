import { isUtf8 } from 'node:buffer';
import { PluginError } from '@berth/sdk/errors';
import { quoted } from '@berth/sdk/quoted';

/** A tar is made of blocks of so many bytes (pax, "ustar Interchange Format"). */
export const blockSize = 512;

export type TarType = 'file' | 'hard-link' | 'symlink' | 'character-device' | 'block-device' | 'directory' | 'fifo';

/** What the headers of one entry say, PAX records and GNU long names included. */
export interface TarHeader {
  name: string;
  type: TarType;
  /** Bytes of content, which only a file has. */
  size: number;
  mode: number;
  uid: number;
  gid: number;
  /** Seconds since 1970, with fraction. */
  modified: number;
  /** Of a link. */
  target: string;
  major: number;
  minor: number;
  /** Extended attributes by their names. */
  extended: Map<string, Buffer>;
}

/** One header block as it stands. */
export interface RawHeader extends Omit<TarHeader, 'type' | 'extended'> {
  /** The type flag: `0` a file, `x` PAX records of the next entry, `L` its long name ... */
  flag: string;
}

const flags: Record<string, TarType> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hard-link',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
};

/** Undefined for a flag that no entry of a layer may have. Before POSIX a directory was a file whose name ends with a slash. */
export function typeOf({ flag, name }: Pick<RawHeader, 'flag' | 'name'>): TarType | undefined {
  return flag === '\0' && name.endsWith('/') ? 'directory' : flags[flag];
}

/** Reads a header block; undefined for one of zeros, which marks the end. Throws DATA_LOSS for what is no header. */
export function readHeader(block: Buffer): RawHeader | undefined {
  const sum = checksumOf(block);
  if (sum === emptyChecksum && block.every((byte) => byte === 0)) return undefined;
  if (numberIn(block, 148, 8) !== sum) throw damaged('a header has a wrong checksum');
  // GNU's own format (`ustar ` and a blank) has other things in the place of the prefix.
  const prefix = block.toString('latin1', 257, 263) === 'ustar\0' ? textIn(block, 345, 155) : '';
  const name = textIn(block, 0, 100);
  return {
    name: prefix ? `${prefix}/${name}` : name,
    flag: String.fromCharCode(block[156] ?? 0),
    size: sizeIn(numberIn(block, 124, 12)),
    mode: numberIn(block, 100, 8) & 0o7777,
    uid: numberIn(block, 108, 8),
    gid: numberIn(block, 116, 8),
    modified: numberIn(block, 136, 12),
    target: textIn(block, 157, 100),
    major: numberIn(block, 329, 8),
    minor: numberIn(block, 337, 8),
  };
}

/** Throws where the number can't be a count of bytes. */
export function sizeIn(number: number): number {
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw damaged(`an entry has the size ${number}`);
}

/** A name or link target. Others than UTF-8 can't be kept as they are: the error says so. */
export function textOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  throw new PluginError('INVALID_ARGUMENT', `entry ${quoted(bytes.toString('latin1'))}: its name or target isn't UTF-8`, {
    hint: 'build the image again with names in UTF-8',
  });
}

export function damaged(what: string): PluginError {
  return new PluginError('DATA_LOSS', `its tar is damaged: ${what}`, { hint: 'the image is broken at its source: push it again' });
}

const checksumField = { start: 148, end: 156 };
const emptyChecksum = 8 * ' '.charCodeAt(0);

/** Of all bytes, those of the checksum itself taken as blanks. */
function checksumOf(block: Buffer): number {
  let sum = emptyChecksum;
  for (let at = 0; at < blockSize; at++) if (at < checksumField.start || at >= checksumField.end) sum += block[at] ?? 0;
  return sum;
}

function textIn(block: Buffer, start: number, length: number): string {
  const end = block.indexOf(0, start);
  return textOf(block.subarray(start, end === -1 || end > start + length ? start + length : end));
}

/** Octal digits, or, where the first bit is set, a big-endian two's complement number (GNU's base 256). */
function numberIn(block: Buffer, start: number, length: number): number {
  const first = block[start] ?? 0;
  if (first < 0x80) return Number.parseInt(block.toString('latin1', start, start + length).replace(/^[\0 ]+/, '') || '0', 8);
  let number = first === 0xff ? -1 : first & 0x7f;
  for (const byte of block.subarray(start + 1, start + length)) number = number * 256 + byte;
  return number;
}
