import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { paxRecords, type RawEntry, rawTar } from '../../testing/raw-tar.ts';
import type { TarHeader } from './tar-header.ts';
import { TarParser } from './tar-parser.ts';

type Read = TarHeader & { content: string };

/** Reads a tar that comes in pieces of so many bytes. */
function read(tar: Buffer, pieceLength = tar.length || 1): Read[] {
  const entries: Read[] = [];
  const contents: Buffer[][] = [];
  let open = 0;
  const parser = new TarParser({
    begin(header) {
      entries.push({ ...header, content: '' });
      contents.push([]);
      open++;
    },
    content: (bytes) => contents.at(-1)?.push(Buffer.from(bytes)),
    end: () => open--,
  });
  for (let at = 0; at < tar.length; at += pieceLength) parser.write(tar.subarray(at, at + pieceLength));
  parser.end();
  expect(open).toBe(0);
  return entries.map((entry, index) => ({ ...entry, content: Buffer.concat(contents[index] ?? []).toString() }));
}

const one = (entry: RawEntry, ...before: RawEntry[]) => read(rawTar([...before, entry]))[0];
const file: RawEntry = { name: 'a', content: 'ahoy' };

describe('TarParser', () => {
  it.each([1, 7, 512, 513, 100_000])('reads entries from pieces of %i bytes', (pieceLength) => {
    const long = 'x'.repeat(1500);
    const tar = rawTar([{ name: 'd/', flag: '5' }, file, paxRecords({ path: 'name', mtime: '1.5' }), { name: 'short', content: long }]);
    expect(read(tar, pieceLength)).toMatchObject([
      { name: 'd/', type: 'directory', content: '' },
      { name: 'a', type: 'file', size: 4, content: 'ahoy' },
      { name: 'name', type: 'file', modified: 1.5, content: long },
    ]);
  });

  it.each(['ustar', 'pax', 'gnu', 'oldgnu', 'v7'])('reads what GNU tar writes in the format %s', (format) => {
    const directory = mkdtempSync(join(tmpdir(), 'berth-tar-'));
    try {
      const deep = format === 'v7' ? 'short' : 'd'.repeat(90);
      mkdirSync(join(directory, deep));
      writeFileSync(join(directory, deep, 'file'), 'content');
      writeFileSync(join(directory, `${'ü'.repeat(20)}.txt`), '');
      const tar = execFileSync('tar', [
        '-C',
        directory,
        `--format=${format}`,
        '--sort=name',
        '--owner=5',
        '--mtime=@1700000000',
        '-c',
        '.',
      ]);
      expect(read(tar).filter(({ type }) => type === 'file')).toMatchObject([
        { name: `./${deep}/file`, size: 7, uid: 5, modified: 1_700_000_000, content: 'content' },
        { name: `./${'ü'.repeat(20)}.txt`, size: 0 },
      ]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('takes long names and targets from GNU and PAX headers', () => {
    const [name, target] = ['n/'.repeat(100), 't/'.repeat(100)];
    const link: RawEntry = { name: 'cut', flag: '2', linkName: 'cut' };
    expect(one(link, { name: 'L', flag: 'L', content: `${name}\0` }, { name: 'K', flag: 'K', content: `${target}\0` })).toMatchObject({
      name,
      target,
    });
    expect(one(link, paxRecords({ path: name, linkpath: target }))).toMatchObject({ name, target });
  });

  it('joins the prefix to the name where the format has one', () => {
    expect(one({ name: 'b', prefix: 'a' })?.name).toBe('a/b');
    expect(one({ name: 'b', prefix: 'a', magic: 'ustar  \0' })?.name).toBe('b');
  });

  it('gives PAX records to the next entry only', () => {
    const [first, second] = read(rawTar([paxRecords({ path: 'x', uid: '4000000' }), file, file]));
    expect([first?.name, first?.uid, second?.name, second?.uid]).toEqual(['x', 4_000_000, 'a', 0]);
  });

  it('applies no records for all entries, as other unpackers of layers do not', () => {
    expect(one(file, { ...paxRecords({ path: 'x' }), flag: 'g' })?.name).toBe('a');
  });

  it('keeps extended attributes as bytes', () => {
    const value = Buffer.from('0100000280000000ff0a3d00', 'hex');
    expect(one(file, paxRecords({ 'SCHILY.xattr.security.capability': value }))?.extended.get('security.capability')).toEqual(value);
  });

  it('reads numbers beyond octal digits', () => {
    const big = Buffer.from([0x80, 0, 0, 0, 0, 0x3d, 0x09, 0]);
    expect(one({ ...file, uid: big })?.uid).toBe(4_000_000);
  });

  it('takes a tar without its end, and nothing of what follows the end', () => {
    expect(read(rawTar([file], Buffer.alloc(0)))).toHaveLength(1);
    expect(read(Buffer.concat([rawTar([file]), Buffer.from('garbage'.repeat(200))]))).toHaveLength(1);
    expect(read(Buffer.alloc(0))).toEqual([]);
  });

  it.each<[string, Buffer, RegExp]>([
    ['a checksum that is wrong', rawTar([{ ...file, checksum: 1 }]), /damaged: a header has a wrong checksum/],
    ['what is no tar', Buffer.alloc(1024, 'text'), /damaged: a header has a wrong checksum/],
    ['an end in the middle of a header', rawTar([file]).subarray(0, 500), /damaged: it ends in the middle of an entry/],
    ['an end in the middle of a content', rawTar([file]).subarray(0, 514), /damaged: it ends in the middle of an entry/],
    [
      'an end in the middle of PAX records',
      rawTar([paxRecords({ path: 'x' })]).subarray(0, 514),
      /damaged: it ends in the middle of an entry/,
    ],
    ['an entry after a block of zeros', Buffer.concat([Buffer.alloc(512), rawTar([file])]), /damaged: an entry follows its end/],
    ['a size below zero', rawTar([{ ...file, size: Buffer.alloc(12, 0xff) }]), /damaged: an entry has the size -1/],
    ['a size that nothing has', rawTar([{ ...file, size: Buffer.alloc(12, 0x8f) }]), /damaged: an entry has the size/],
    [
      'PAX records without a length',
      rawTar([{ name: 'x', flag: 'x', content: 'path=x\n' }, file]),
      /damaged: a PAX header holds what is no record/,
    ],
    ['PAX records longer than they are', rawTar([{ name: 'x', flag: 'x', content: '99 path=x\n' }, file]), /what is no record/],
    ['PAX records that have no end', rawTar([{ name: 'x', flag: 'x', content: '9 path=xy' }, file]), /what is no record/],
    [
      'a PAX bomb',
      rawTar([{ name: 'x', flag: 'x', size: 1024 ** 3 }]),
      /a PAX header or long name has 1073741824 bytes, more than 1048576/,
    ],
    ['a long name that is a bomb', rawTar([{ name: 'x', flag: 'L', size: 1024 ** 3 }]), /a PAX header or long name has 1073741824 bytes/],
    ['a sparse file of GNU', rawTar([{ ...file, flag: 'S' }]), /entry "a": it is stored as a sparse file; build/],
    ['a sparse file of PAX', rawTar([paxRecords({ 'GNU.sparse.major': '1' }), file]), /entry "a": it is stored as a sparse file; build/],
    ['an unknown type', rawTar([{ ...file, flag: 'V' }]), /entry "a": its type "V" is none that a layer may hold; build/],
    [
      "a name that isn't UTF-8",
      rawTar([{ name: Buffer.from('caf\xe9', 'latin1') }]),
      /entry "café": its name or target isn't UTF-8; build/,
    ],
  ])('refuses %s', (_, tar, message) => {
    expect(() => read(tar)).toThrow(message);
    expect(() => read(tar, 100)).toThrow(message);
  });
});
