import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildImage, type LayerEntry } from '@berth/conformance/image-builder';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { syscalls } from '../syscalls.ts';
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

  it('refuses a layer whose content has another diff id', async () => {
    const { blob } = await layerOf([{ type: 'file', path: 'a', content: 'x' }]);
    const diffId = `sha256:${'0'.repeat(64)}`;
    await expect(unpackLayer({ blob, diffId, lowers: [] }, join(scratch, 'fs'), signal)).rejects.toMatchObject({
      code: 'DATA_LOSS',
      message: expect.stringContaining(`layer ${diffId}: its content has the digest sha256:`),
    });
  });

  it.each(['none', 'gzip'] as const)('refuses a layer that is cut short, compressed by %s', async (compression) => {
    const { blob, diffId } = await layerOf([{ type: 'file', path: 'a', content: randomBytes(100_000) }], compression);
    await truncate(blob, 50_000);
    await expect(unpackLayer({ blob, diffId, lowers: [] }, join(scratch, 'fs'), signal)).rejects.toThrow(`layer ${diffId}: `);
  });

  it('ends when its signal is aborted', async () => {
    const { blob, diffId } = await layerOf([{ type: 'file', path: 'a', content: 'x' }]);
    await expect(unpackLayer({ blob, diffId, lowers: [] }, join(scratch, 'fs'), AbortSignal.abort())).rejects.toMatchObject({
      code: 'CANCELLED',
    });
  });
});
