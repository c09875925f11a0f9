import { randomBytes } from 'node:crypto';
import { statfsSync } from 'node:fs';
import { lstat, mkdir, readdir, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { LayerEntry } from '@berth/conformance/image-builder';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { paxRecords, type RawEntry } from '../../testing/raw-tar.ts';
import { SmallDisk } from '../../testing/small-disk.ts';
import { TestLayers, unpackingNeeds } from '../../testing/test-layers.ts';
import { syscalls } from '../syscalls.ts';
import { unpackLayer } from './unpack.ts';

/** EXT4_SUPER_MAGIC (linux/magic.h). */
const ext4 = 0xef53;
const signal = AbortSignal.timeout(60_000);

describe.skipIf(unpackingNeeds)(`a bad layer${unpackingNeeds ? ` (${unpackingNeeds})` : ''}`, () => {
  let layers: TestLayers;

  beforeEach(() => {
    layers = new TestLayers();
  });
  afterEach(() => {
    layers.remove();
  });

  it.each<[string, LayerEntry[], string]>([
    [
      'a path with ..',
      [{ type: 'file', path: 'a/../../evil', content: 'x' }],
      'entry "a/../../evil": the path "a/../../evil" leads outside',
    ],
    ['an absolute path', [{ type: 'file', path: '/evil', content: 'x' }], 'entry "/evil": the path "/evil" is absolute'],
    [
      'a file below a symbolic link',
      [
        { type: 'symlink', path: 'out', target: '/tmp' },
        { type: 'file', path: 'out/evil', content: 'x' },
      ],
      'entry "out/evil": its parent "out" is a symbolic link',
    ],
    [
      'a directory below a file',
      [
        { type: 'file', path: 'f', content: '' },
        { type: 'directory', path: 'f/d/e' },
      ],
      'its parent "f" is no directory',
    ],
    ['a hard link outside', [{ type: 'hard-link', path: 'x', target: '../../etc/shadow' }], 'leads outside the layer'],
    ['a hard link to an absolute path', [{ type: 'hard-link', path: 'x', target: '/etc/shadow' }], 'the path "/etc/shadow" is absolute'],
    [
      'a hard link to nothing',
      [{ type: 'hard-link', path: 'x', target: 'etc/shadow' }],
      'no file of this layer before it, nor of one below',
    ],
    [
      'a hard link through a symbolic link',
      [
        { type: 'symlink', path: 'e', target: '/etc' },
        { type: 'hard-link', path: 'x', target: 'e/shadow' },
      ],
      'entry "e/shadow": its parent "e" is a symbolic link',
    ],
    ['a whiteout of ..', [{ type: 'file', path: 'a/.wh...', content: '' }], 'this whiteout hides no file'],
    ['a root that is a symbolic link', [{ type: 'symlink', path: './', target: '/etc' }], "the layer's root must be a directory"],
  ])('refuses %s by name', async (_, entries, reason) => {
    await expect(layers.unpack(entries)).rejects.toThrow(reason);
  });

  it.each<[string, RawEntry[], RegExp]>([
    [
      'a name of 256 bytes',
      [paxRecords({ path: 'x'.repeat(256) }), { name: 'a' }],
      /entry "x{200}\.\.\." \(256 characters\): a name has more than 255 bytes; build/,
    ],
    [
      'a path of 5,000 bytes',
      [paxRecords({ path: 'd/'.repeat(2500) }), { name: 'a' }],
      /entry "(d\/){100}\.\.\." \(5000 characters\): a path has more than 4095 bytes; build/,
    ],
    [
      'a hard link to a path of 5,000 bytes',
      [paxRecords({ linkpath: 'd/'.repeat(2500) }), { name: 'a', flag: '1' }],
      /entry "a": a path has more than 4095 bytes/,
    ],
    [
      'a path that is too long in the store',
      [paxRecords({ path: `${'d/'.repeat(2040)}x` }), { name: 'a' }],
      /: entry "(d\/){100}\.\.\." \(4081 characters\): its path is too long for Linux behind that of the image store, with 4081 bytes; build .* shorter --root$/,
    ],
    [
      'a name that a terminal would turn round',
      [paxRecords({ path: '/a\u202ecod.exe' }), { name: 'a' }],
      /: entry "\/a\\u202ecod\.exe": the path "\/a\\u202ecod\.exe" is absolute/,
    ],
    ['a symbolic link to nothing', [{ name: 'a', flag: '2' }], /entry "a": it is a symbolic link to nothing/],
    [
      'a symbolic link that is too long',
      [paxRecords({ linkpath: 'd/'.repeat(2500) }), { name: 'a', flag: '2' }],
      /its target has more than 4095/,
    ],
    ['an owner that no file can have', [paxRecords({ uid: '4294967295' }), { name: 'a' }], /entry "a": its owner 4294967295 is none/],
    ['an owner below zero', [paxRecords({ gid: '-1' }), { name: 'a' }], /entry "a": its owner -1 is none/],
    [
      'a capability that is none',
      [paxRecords({ 'SCHILY.xattr.security.capability': 'nonsense' }), { name: 'a' }],
      /entry "a": its extended attribute can't be set: .*security\.capability.*EINVAL.*; build/,
    ],
    ['a sparse file', [{ name: 'a', flag: 'S' }], /entry "a": it is stored as a sparse file/],
    ['a name with NUL', [paxRecords({ path: 'a\0b' }), { name: 'a' }], /a path has a NUL character/],
  ])('refuses %s', async (_, entries, message) => {
    await expect(layers.unpackRaw(entries)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) });
  });

  it('refuses more extended attributes than the file system takes, by the name of the entry', async (ctx) => {
    if (statfsSync(layers.directory).type !== ext4) ctx.skip('other file systems than ext4 take them all');
    const many = Array.from({ length: 2_000 }, (_, index) => [`SCHILY.xattr.user.a${index}`, 'x'.repeat(100)]);
    await expect(layers.unpackRaw([paxRecords(Object.fromEntries(many)), { name: 'many' }])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('entry "many": it has more extended attributes than the file system takes; build'),
    });
  });

  it('refuses a path through a loop of links in the layers below', async () => {
    const base = await layers.unpack([
      { type: 'symlink', path: 'a', target: 'b' },
      { type: 'symlink', path: 'b', target: 'a' },
    ]);
    await expect(layers.unpack([{ type: 'file', path: 'a/x', content: '' }], [base.target])).rejects.toThrow(
      'entry "a/x": its parents are a loop of symbolic links',
    );
  });

  it('makes no hard link to what a layer below has at another place than a file', async () => {
    const base = await layers.unpack([
      { type: 'symlink', path: 'link', target: '/etc/shadow' },
      { type: 'directory', path: 'directory' },
      { type: 'file', path: 'hidden', content: 'x' },
    ]);
    for (const target of ['link', 'directory', 'missing']) {
      await expect(layers.unpack([{ type: 'hard-link', path: 'x', target }], [base.target])).rejects.toThrow(
        `entry "x": it is a hard link to "${target}", which is no file of this layer`,
      );
    }
    const whiteout: LayerEntry = { type: 'file', path: '.wh.hidden', content: '' };
    await expect(layers.unpack([whiteout, { type: 'hard-link', path: 'x', target: 'hidden' }], [base.target])).rejects.toThrow(
      /is no file of this layer/,
    );
  });

  it('leaves attributes out by which a layer could direct overlayfs', async () => {
    const { at } = await layers.unpackRaw([paxRecords({ 'SCHILY.xattr.trusted.overlay.opaque': 'y' }), { name: 'd', flag: '5' }]);
    expect(syscalls().getAttribute(at('d'), 'trusted.overlay.opaque')).toBeUndefined();
  });

  it('does not follow a symbolic link of the same name when it writes a file', async () => {
    const { at } = await layers.unpack([
      { type: 'symlink', path: 'target', target: join(layers.directory, 'outside') },
      { type: 'file', path: 'target', content: 'inside' },
    ]);
    expect((await lstat(at('target'))).isFile()).toBe(true);
    await expect(lstat(join(layers.directory, 'outside'))).rejects.toThrow('ENOENT');
  });

  it('refuses a layer whose content has another diff id', async () => {
    const { blob } = await layers.make([{ type: 'file', path: 'a', content: 'x' }]);
    const diffId = `sha256:${'0'.repeat(64)}`;
    await expect(unpackLayer({ blob, diffId, lowers: [] }, layers.fresh(), signal)).rejects.toMatchObject({
      code: 'DATA_LOSS',
      message: expect.stringContaining(`layer ${diffId}: its content has the digest sha256:`),
    });
  });

  it.each([
    ['none', 'its tar is damaged: it ends in the middle of an entry'],
    ['gzip', "it can't be decompressed: unexpected end of file"],
    ['zstd', "it can't be decompressed: "],
  ] as const)('refuses a layer that is cut short, compressed by %s', async (compression, what) => {
    const { blob, diffId } = await layers.make([{ type: 'file', path: 'a', content: randomBytes(100_000) }], compression);
    await truncate(blob, 50_000);
    await expect(unpackLayer({ blob, diffId, lowers: [] }, layers.fresh(), signal)).rejects.toMatchObject({
      code: 'DATA_LOSS',
      message: expect.stringContaining(`layer ${diffId}: ${what}`),
    });
  });

  describe('on a disk of 8 MB', () => {
    let disk: SmallDisk;
    let small: string;

    beforeEach(async () => {
      small = join(layers.directory, 'small');
      await mkdir(small);
      disk = new SmallDisk(small);
    });
    afterEach(() => {
      disk.unmount();
    });

    const zeros = (bytes: number) => ({
      size: bytes,
      *chunks() {
        for (let left = bytes; left > 0; left -= 1_000_000) yield Buffer.alloc(Math.min(left, 1_000_000));
      },
    });

    it('refuses a file that has no room before it writes any of it', async () => {
      const layer = await layers.make([{ type: 'file', path: 'bomb', content: zeros(100_000_000) }]);
      await expect(unpackLayer({ ...layer, lowers: [] }, join(small, 'fs'), signal)).rejects.toMatchObject({
        code: 'RESOURCE_EXHAUSTED',
        message: expect.stringMatching(
          /^layer sha256:\w+: the file system of .+ has \d+ bytes to spare, and a file in it needs 100000000; make room there/,
        ),
      });
      expect(await readdir(join(small, 'fs'))).toEqual([]);
    });

    it('ends with many small files before the disk is full', async () => {
      const files = Array.from({ length: 5_000 }, (_, index): LayerEntry => ({ type: 'file', path: `f${index}`, content: zeros(20_000) }));
      const layer = await layers.make(files);
      await expect(unpackLayer({ ...layer, lowers: [] }, join(small, 'fs'), signal)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    });
  });
});
