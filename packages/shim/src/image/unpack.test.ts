import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildImage, type LayerEntry } from '@berth/conformance/image-builder';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { paxRecords, type RawEntry, rawTar } from '../../testing/raw-tar.ts';
import { SmallDisk } from '../../testing/small-disk.ts';
import { syscalls } from '../syscalls.ts';
import { digestOf } from './digest.ts';
import { unpackLayer } from './unpack.ts';

const needsRoot = process.getuid?.() === 0 ? false : 'unpacking needs root';
const run = promisify(execFile);
const signal = AbortSignal.timeout(60_000);

it('says that it needs root where it has none', async () => {
  const getuid = vi.spyOn(process, 'getuid').mockReturnValue(1000);
  try {
    await expect(unpackLayer({ blob: '/missing', diffId: 'sha256:x', lowers: [] }, '/missing', signal)).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      message: expect.stringContaining('layer sha256:x: unpacking needs root'),
    });
  } finally {
    getuid.mockRestore();
  }
});

describe.skipIf(needsRoot)(`unpackLayer${needsRoot ? ` (${needsRoot})` : ''}`, () => {
  let scratch: string;
  let unpacked = 0;

  beforeEach(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'berth-unpack-'));
  });
  afterEach(async () => {
    await rm(scratch, { recursive: true, force: true });
  });

  async function layerOf(entries: LayerEntry[], compression: 'none' | 'gzip' | 'zstd' = 'gzip') {
    const output = join(scratch, 'image.tar');
    const { layers } = await buildImage({ output, names: ['localhost/test:1'], layers: [entries], compression });
    await run('tar', ['xf', output, '-C', scratch, 'blobs']);
    const [layer] = layers;
    return { blob: join(scratch, 'blobs', layer?.digest.replace(':', '/') ?? ''), diffId: layer?.diffId ?? '' };
  }

  async function unpack(entries: LayerEntry[], lowers: string[] = [], compression?: 'none' | 'gzip' | 'zstd') {
    const target = join(scratch, `fs${unpacked++}`);
    const size = await unpackLayer({ ...(await layerOf(entries, compression)), lowers }, target, signal);
    return { target, size, at: (path: string) => join(target, path) };
  }

  async function unpackRaw(entries: RawEntry[], lowers: string[] = []) {
    const [blob, target, tar] = [join(scratch, `raw${unpacked}`), join(scratch, `fs${unpacked++}`), rawTar(entries)];
    await writeFile(blob, tar);
    const size = await unpackLayer({ blob, diffId: digestOf(tar), lowers }, target, signal);
    return { target, size, at: (path: string) => join(target, path) };
  }

  /** So large, packed, that another thread unpacks it. */
  const ballast: LayerEntry = { type: 'file', path: 'ballast', content: randomBytes(1_000_000) };

  const opaque = (path: string) => syscalls().getAttribute(path, 'trusted.overlay.opaque');

  it('fails, and no more, where the blob has been removed meanwhile', async () => {
    const missing = { blob: join(scratch, 'missing'), diffId: 'sha256:x', lowers: [] };
    await expect(unpackLayer(missing, join(scratch, 'fs'), signal)).rejects.toThrow(/layer sha256:x: ENOENT/);
  });

  it.each(['none', 'gzip', 'zstd'] as const)('unpacks a layer compressed by %s', async (compression) => {
    const { at, size } = await unpack([{ type: 'file', path: 'etc/motd', content: 'ahoy' }], [], compression);
    expect(await readFile(at('etc/motd'), 'utf8')).toBe('ahoy');
    expect(size).toEqual({ bytes: 4, inodes: 3 });
  });

  it('keeps modes with setuid and sticky bits, owners and times', async () => {
    const modified = new Date('2024-02-03T04:05:06Z');
    const { at } = await unpack([
      { type: 'directory', path: 'tmp', mode: 0o1777, modified },
      { type: 'file', path: 'tmp/su', content: 'x', mode: 0o4755, uid: 12, gid: 34, modified },
      { type: 'symlink', path: 'tmp/link', target: '/etc/passwd', uid: 5, gid: 6, modified },
    ]);
    const [directory, file, link] = await Promise.all(['tmp', 'tmp/su', 'tmp/link'].map((path) => lstat(at(path))));
    expect(directory).toMatchObject({ mode: 0o41777, mtime: modified });
    expect(file).toMatchObject({ mode: 0o104755, uid: 12, gid: 34, mtime: modified });
    expect(link).toMatchObject({ uid: 5, gid: 6, mtime: modified });
    expect(await readlink(at('tmp/link'))).toBe('/etc/passwd');
  });

  it('makes hard links, devices and FIFOs', async () => {
    const { at } = await unpack([
      { type: 'file', path: 'a', content: 'same' },
      { type: 'hard-link', path: 'b/c', target: 'a' },
      { type: 'character-device', path: 'null', major: 1, minor: 3, mode: 0o666 },
      { type: 'block-device', path: 'big', major: 259, minor: 70_000 },
      { type: 'fifo', path: 'pipe' },
    ]);
    expect((await lstat(at('a'))).ino).toBe((await lstat(at('b/c'))).ino);
    const device = await lstat(at('null'));
    expect([device.isCharacterDevice(), device.rdev, device.mode & 0o777]).toEqual([true, 0x103, 0o666]);
    const { stdout } = await run('stat', ['-c', '%Hr %Lr', at('big')]);
    expect(stdout.trim()).toBe('259 70000');
    expect((await lstat(at('pipe'))).isFIFO()).toBe(true);
  });

  it('turns whiteouts into the forms that overlayfs reads', async () => {
    const { at, target } = await unpack([
      { type: 'file', path: 'etc/.wh.passwd', content: '' },
      { type: 'file', path: 'var/.wh..wh..opq', content: '' },
      { type: 'file', path: 'var/new', content: 'x' },
      { type: 'file', path: '.wh..wh.plnk', content: '' },
    ]);
    const whiteout = await lstat(at('etc/passwd'));
    expect([whiteout.isCharacterDevice(), whiteout.rdev]).toEqual([true, 0]);
    expect(Buffer.from(opaque(at('var')) ?? []).toString()).toBe('y');
    expect(await readdir(target)).toEqual(['etc', 'var']);
  });

  it('makes layers that an overlay mount shows as the image means them', async () => {
    const base = await unpack([
      { type: 'file', path: 'etc/passwd', content: 'old' },
      { type: 'file', path: 'etc/group', content: 'old' },
      { type: 'file', path: 'var/old', content: 'old' },
    ]);
    const top = await unpack(
      [
        { type: 'file', path: 'etc/.wh.passwd', content: '' },
        { type: 'file', path: 'var/.wh..wh..opq', content: '' },
        { type: 'file', path: 'var/new', content: 'new' },
      ],
      [base.target],
    );
    const merged = join(scratch, 'merged');
    await mkdir(merged);
    await run('mount', ['-t', 'overlay', 'overlay', '-o', `ro,lowerdir=${top.target}:${base.target}`, merged]);
    try {
      expect(await readdir(join(merged, 'etc'))).toEqual(['group']);
      expect(await readdir(join(merged, 'var'))).toEqual(['new']);
    } finally {
      await run('umount', [merged]);
    }
  });

  it.each(['before', 'after'])('makes a directory opaque that the layer whites out %s it makes it', async (order) => {
    const whiteout: LayerEntry = { type: 'file', path: '.wh.data', content: '' };
    const fresh: LayerEntry[] = [
      { type: 'directory', path: 'data' },
      { type: 'file', path: 'data/new', content: 'x' },
    ];
    const { at } = await unpack(order === 'before' ? [whiteout, ...fresh] : [...fresh, whiteout]);
    expect(opaque(at('data'))).toBeDefined();
    expect(await readdir(at('data'))).toEqual(['new']);
  });

  it('lets a later entry replace an earlier one', async () => {
    const { at } = await unpack([
      { type: 'directory', path: 'a' },
      { type: 'file', path: 'a/b', content: 'x' },
      { type: 'file', path: 'a', content: 'now a file' },
    ]);
    expect(await readFile(at('a'), 'utf8')).toBe('now a file');
  });

  it('gives a parent that the layer does not name the looks it has in the layer below', async () => {
    const base = await unpack([{ type: 'directory', path: 'home/app', mode: 0o700, uid: 1000, gid: 1000 }]);
    const { at } = await unpack([{ type: 'file', path: 'home/app/x', content: 'x' }], [base.target]);
    expect(await lstat(at('home/app'))).toMatchObject({ mode: 0o40700, uid: 1000, gid: 1000 });
  });

  it.each([
    ['relative', 'usr/bin'],
    ['absolute', '/usr/bin'],
    ['leaving the root', '../../usr/bin'],
  ])('writes through a link of a layer below that is %s, but stays inside the root', async (_, target) => {
    const base = await unpack([
      { type: 'directory', path: 'usr/bin', mode: 0o711 },
      { type: 'symlink', path: 'bin', target },
    ]);
    const { target: root, at } = await unpack(
      [
        { type: 'file', path: 'bin/tool', content: 'x' },
        { type: 'hard-link', path: 'bin/same', target: 'bin/tool' },
        { type: 'file', path: 'bin/.wh.old', content: '' },
      ],
      [base.target],
    );
    expect(await readdir(root)).toEqual(['usr']);
    expect(await readdir(at('usr/bin'))).toEqual(['old', 'same', 'tool']);
    expect((await lstat(at('usr/bin'))).mode & 0o777).toBe(0o711);
  });

  it('refuses a path through a loop of links in the layers below', async () => {
    const base = await unpack([
      { type: 'symlink', path: 'a', target: 'b' },
      { type: 'symlink', path: 'b', target: 'a' },
    ]);
    await expect(unpack([{ type: 'file', path: 'a/x', content: '' }], [base.target])).rejects.toThrow(
      'entry "a/x": its parents are a loop of symbolic links',
    );
  });

  it('sees no link that a layer between hides', async () => {
    const base = await unpack([{ type: 'symlink', path: 'a', target: 'elsewhere' }]);
    const hiding = await unpack([{ type: 'file', path: '.wh.a', content: '' }], [base.target]);
    const { target: root } = await unpack([{ type: 'file', path: 'a/x', content: 'x' }], [hiding.target, base.target]);
    expect(await readdir(root)).toEqual(['a']);
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
    await expect(unpack(entries)).rejects.toThrow(reason);
  });

  it('does not follow a symbolic link of the same name when it writes a file', async () => {
    const { at } = await unpack([
      { type: 'symlink', path: 'target', target: join(scratch, 'outside') },
      { type: 'file', path: 'target', content: 'inside' },
    ]);
    expect((await lstat(at('target'))).isFile()).toBe(true);
    await expect(lstat(join(scratch, 'outside'))).rejects.toThrow('ENOENT');
  });

  it('takes a file of a layer below up into this one where a hard link leads to it', async () => {
    const capability = Buffer.from('0100000280000000ff00000000000000', 'hex').subarray(0, 20);
    const base = await unpackRaw([
      paxRecords({ 'SCHILY.xattr.security.capability': Buffer.concat([capability, Buffer.alloc(4)]) }),
      { name: 'bin/ping', content: 'program', mode: 0o4755, modified: 1_000 },
    ]);
    const { at, size } = await unpack([{ type: 'hard-link', path: 'ping', target: 'bin/ping' }], [base.target]);
    const [file, link] = await Promise.all([lstat(at('bin/ping')), lstat(at('ping'))]);
    expect(link.ino).toBe(file.ino);
    expect(file).toMatchObject({ mode: 0o104755, mtimeMs: 1_000_000 });
    expect(await readFile(at('ping'), 'utf8')).toBe('program');
    expect(syscalls().getAttribute(at('ping'), 'security.capability')).toEqual(
      syscalls().getAttribute(base.at('bin/ping'), 'security.capability'),
    );
    expect(size).toEqual({ bytes: 7, inodes: 3 });
  });

  it('makes no hard link to what a layer below has at another place than a file', async () => {
    const base = await unpack([
      { type: 'symlink', path: 'link', target: '/etc/shadow' },
      { type: 'directory', path: 'directory' },
      { type: 'file', path: 'hidden', content: 'x' },
    ]);
    for (const target of ['link', 'directory', 'missing']) {
      await expect(unpack([{ type: 'hard-link', path: 'x', target }], [base.target])).rejects.toThrow(
        `entry "x": it is a hard link to "${target}", which is no file of this layer`,
      );
    }
    const whiteout: LayerEntry = { type: 'file', path: '.wh.hidden', content: '' };
    await expect(unpack([whiteout, { type: 'hard-link', path: 'x', target: 'hidden' }], [base.target])).rejects.toThrow(
      /is no file of this layer/,
    );
  });

  it('keeps file capabilities whose bytes are no text', async () => {
    // cap_setuid=ep, as newuidmap has it in many images.
    const value = Buffer.from('0100000280000000000000000000000000000000', 'hex');
    const { at } = await unpackRaw([paxRecords({ 'SCHILY.xattr.security.capability': value }), { name: 'newuidmap', content: 'x' }]);
    expect(Buffer.from(syscalls().getAttribute(at('newuidmap'), 'security.capability') ?? [])).toEqual(value);
  });

  it('leaves attributes out by which a layer could direct overlayfs', async () => {
    const { at } = await unpackRaw([paxRecords({ 'SCHILY.xattr.trusted.overlay.opaque': 'y' }), { name: 'd', flag: '5' }]);
    expect(opaque(at('d'))).toBeUndefined();
  });

  it('keeps names with control characters', async () => {
    const name = 'a\n\u001b[31mb\t';
    const { target } = await unpack([{ type: 'file', path: name, content: '' }]);
    expect(await readdir(target)).toEqual([name]);
  });

  it.each<[string, RawEntry[], RegExp]>([
    [
      'a name of 256 bytes',
      [paxRecords({ path: 'x'.repeat(256) }), { name: 'a' }],
      /entry "x{200}\.\.\.": a name has more than 255 bytes; build/,
    ],
    [
      'a path of 5,000 bytes',
      [paxRecords({ path: 'd/'.repeat(2500) }), { name: 'a' }],
      /entry "(d\/){100}\.\.\.": a path has more than 4095 bytes; build/,
    ],
    [
      'a hard link to a path of 5,000 bytes',
      [paxRecords({ linkpath: 'd/'.repeat(2500) }), { name: 'a', flag: '1' }],
      /entry "a": a path has more than 4095 bytes/,
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
    await expect(unpackRaw(entries)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) });
  });

  it('gives a time that no disk can keep the nearest one', async () => {
    const { at } = await unpackRaw([paxRecords({ mtime: '1e30' }), { name: 'late' }, paxRecords({ mtime: '-1e30' }), { name: 'early' }]);
    expect((await lstat(at('late'))).mtime.getUTCFullYear()).toBeGreaterThan(2400);
    expect((await lstat(at('early'))).mtime.getUTCFullYear()).toBe(1970);
  });

  describe('on a disk of 8 MB', () => {
    let disk: SmallDisk;
    let small: string;

    beforeEach(async () => {
      small = join(scratch, 'small');
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
      const layer = await layerOf([{ type: 'file', path: 'bomb', content: zeros(100_000_000) }]);
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
      const layer = await layerOf(files);
      await expect(unpackLayer({ ...layer, lowers: [] }, join(small, 'fs'), signal)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    });
  });

  describe('by another thread', () => {
    it('unpacks the same', async () => {
      const { at, size } = await unpack([
        { type: 'directory', path: 'd' },
        ballast,
        { type: 'hard-link', path: 'd/link', target: 'ballast' },
      ]);
      expect(size).toEqual({ bytes: 1_000_000, inodes: 3 });
      expect(await readFile(at('d/link'))).toEqual(ballast.content);
    });

    it('says what is wrong as this one does', async () => {
      await expect(unpack([ballast, { type: 'file', path: '../x', content: '' }])).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/^layer sha256:\w+: entry "\.\.\/x": the path "\.\.\/x" leads outside the layer; build/),
      });
    });

    it('keeps the code of a system call that failed', async () => {
      const layer = await layerOf([ballast]);
      await expect(unpackLayer({ ...layer, lowers: [] }, join(scratch, 'missing/fs'), signal)).rejects.toMatchObject({
        code: 'NOT_FOUND',
        cause: { code: 'ENOENT' },
      });
    });

    it('unpacks several layers at once, and the others when one is broken', async () => {
      const [broken, ...whole] = await Promise.allSettled([
        unpack([ballast, { type: 'file', path: '/x', content: '' }]),
        unpack([ballast]),
        unpack([ballast]),
      ]);
      expect(broken.status).toBe('rejected');
      expect(whole.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    });

    it('ends when its signal is aborted meanwhile', async () => {
      const chunks = function* () {
        for (let count = 0; count < 100; count++) yield randomBytes(1_000_000);
      };
      const layer = await layerOf([{ type: 'file', path: 'large', content: { size: 100_000_000, chunks } }], 'none');
      const aborted = new AbortController();
      const target = join(scratch, 'fs');
      const ended = unpackLayer({ ...layer, lowers: [] }, target, aborted.signal);
      await vi.waitUntil(() => lstat(join(target, 'large')).catch(() => undefined), { timeout: 10_000, interval: 5 });
      aborted.abort();
      await expect(ended).rejects.toMatchObject({ code: 'CANCELLED' });
      expect((await lstat(join(target, 'large'))).size).toBeLessThan(100_000_000);
    });
  });

  it('refuses a layer whose content has another diff id', async () => {
    const { blob } = await layerOf([{ type: 'file', path: 'a', content: 'x' }]);
    const diffId = `sha256:${'0'.repeat(64)}`;
    await expect(unpackLayer({ blob, diffId, lowers: [] }, join(scratch, 'fs'), signal)).rejects.toMatchObject({
      code: 'DATA_LOSS',
      message: expect.stringContaining(`layer ${diffId}: its content has the digest sha256:`),
    });
  });

  it.each([
    ['none', 'its tar is damaged: it ends in the middle of an entry'],
    ['gzip', "it can't be decompressed: unexpected end of file"],
    ['zstd', "it can't be decompressed: "],
  ] as const)('refuses a layer that is cut short, compressed by %s', async (compression, what) => {
    const { blob, diffId } = await layerOf([{ type: 'file', path: 'a', content: randomBytes(100_000) }], compression);
    await truncate(blob, 50_000);
    await expect(unpackLayer({ blob, diffId, lowers: [] }, join(scratch, 'fs'), signal)).rejects.toMatchObject({
      code: 'DATA_LOSS',
      message: expect.stringContaining(`layer ${diffId}: ${what}`),
    });
  });

  it('ends when its signal is aborted', async () => {
    const { blob, diffId } = await layerOf([{ type: 'file', path: 'a', content: 'x' }]);
    await expect(unpackLayer({ blob, diffId, lowers: [] }, join(scratch, 'fs'), AbortSignal.abort())).rejects.toMatchObject({
      code: 'CANCELLED',
    });
  });
});
