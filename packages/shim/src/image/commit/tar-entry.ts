/** A tar entry ahead of its content, as ustar with PAX records (POSIX.1-2017 pax, "pax Interchange Format"). */
export interface TarEntry {
  /** Relative to the tar's root. */
  name: string;
  type: keyof typeof typeFlags;
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of content that follow. */
  size: number;
  /** Nanoseconds since 1970. */
  modified: bigint;
  /** Target of a link. */
  linkname?: string;
  major?: number;
  minor?: number;
  /** Extended attributes, of bytes that needn't be text. */
  extended?: [name: string, value: Uint8Array][];
}

const typeFlags = {
  file: '0',
  'hard-link': '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
  pax: 'x',
};

const block = 512;
const longestName = 100;
const mostOctal7 = 0o7777777;
const mostOctal11 = 0o77777777777;
const billion = 1_000_000_000n;

/** What goes before an entry's content. tar-stream writes PAX values as text only, which a file capability isn't. */
export function tarHeader(entry: TarEntry): Buffer {
  const records = paxRecords(entry);
  const header = ustar(entry);
  if (records.length === 0) return header;
  const body = Buffer.concat(records.map(([key, value]) => paxRecord(key, value)));
  const pax = ustar({ ...entry, name: 'PaxHeader', type: 'pax', mode: 0o644, size: body.length, linkname: '', major: 0, minor: 0 });
  return Buffer.concat([pax, body, padding(body.length), header]);
}

/** Fills the last block of a content of `size` bytes. */
export function padding(size: number): Buffer {
  return Buffer.alloc((block - (size % block)) % block);
}

export const endOfTar = Buffer.alloc(2 * block);

/** What the fixed fields have no room for. */
function paxRecords({ name, linkname = '', size, uid, gid, modified, extended = [] }: TarEntry): [string, string | Uint8Array][] {
  const records: [string, string | Uint8Array][] = [];
  if (!fits(name)) records.push(['path', name]);
  if (!fits(linkname)) records.push(['linkpath', linkname]);
  if (size > mostOctal11) records.push(['size', String(size)]);
  if (uid > mostOctal7) records.push(['uid', String(uid)]);
  if (gid > mostOctal7) records.push(['gid', String(gid)]);
  if (modified < 0 || modified % billion !== 0n) records.push(['mtime', decimal(modified)]);
  for (const [attribute, value] of extended) records.push([`SCHILY.xattr.${attribute}`, value]);
  return records;
}

function fits(name: string): boolean {
  return name.length <= longestName && /^[\x20-\x7e]*$/.test(name);
}

/** Seconds with nine digits of fraction. */
function decimal(nanoseconds: bigint): string {
  const size = nanoseconds < 0 ? -nanoseconds : nanoseconds;
  return `${nanoseconds < 0 ? '-' : ''}${size / billion}.${String(size % billion).padStart(9, '0')}`;
}

/** `LENGTH KEY=VALUE\n`, where LENGTH counts its own digits, too. */
function paxRecord(key: string, value: string | Uint8Array): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** Fields that PAX records override hold what fits of them. */
function ustar({ name, type, mode, uid, gid, size, modified, linkname = '', major = 0, minor = 0 }: TarEntry): Buffer {
  const header = Buffer.alloc(block);
  const text = (value: string, at: number, length: number) => header.write(ascii(value).slice(0, length), at, 'latin1');
  const octal = (value: number, at: number, digits: number) => {
    const most = 8 ** digits - 1;
    header.write(Math.min(Math.max(value, 0), most).toString(8).padStart(digits, '0'), at, 'latin1');
  };
  text(name, 0, longestName);
  octal(mode, 100, 7);
  octal(uid, 108, 7);
  octal(gid, 116, 7);
  octal(size, 124, 11);
  octal(Number(modified / billion), 136, 11);
  text(typeFlags[type], 156, 1);
  text(linkname, 157, longestName);
  text('ustar\0' + '00', 257, 8);
  octal(major, 329, 7);
  octal(minor, 337, 7);
  header.fill(' ', 148, 156);
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  header.write('\0 ', 154, 'latin1');
  return header;
}

function ascii(value: string): string {
  return value.replace(/[^\0\x20-\x7e]/g, '?');
}
