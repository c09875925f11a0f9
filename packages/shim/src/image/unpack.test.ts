import { execFile } from 'node:child_process';
import { lstat, mkdir, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { LayerEntry } from '@berth/conformance/image-builder';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { paxRecords } from '../../testing/raw-tar.ts';
import { TestLayers, unpackingNeeds } from '../../testing/test-layers.ts';
import { syscalls } from '../syscalls.ts';
import { unpackLayer } from './unpack.ts';

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

describe.skipIf(unpackingNeeds)(`unpackLayer${unpackingNeeds ? ` (${unpackingNeeds})` : ''}`, () => {
  let layers: TestLayers;

  beforeEach(() => {
    layers = new TestLayers();
  });
  afterEach(() => {
    layers.remove();
  });

  const opaque = (path: string) => syscalls().getAttribute(path, 'trusted.overlay.opaque');

  it('fails, and no more, where the blob has been removed meanwhile', async () => {
    const missing = { blob: join(layers.directory, 'missing'), diffId: 'sha256:x', lowers: [] };
    await expect(unpackLayer(missing, layers.fresh(), signal)).rejects.toThrow(/layer sha256:x: ENOENT/);
  });

  it.each(['none', 'gzip', 'zstd'] as const)('unpacks a layer compressed by %s', async (compression) => {
    const { at, size } = await layers.unpack([{ type: 'file', path: 'etc/motd', content: 'ahoy' }], [], compression);
    expect(await readFile(at('etc/motd'), 'utf8')).toBe('ahoy');
    expect(size).toEqual({ bytes: 4, inodes: 3 });
  });

  it('keeps modes with setuid and sticky bits, owners and times', async () => {
    const modified = new Date('2024-02-03T04:05:06Z');
    const { at } = await layers.unpack([
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
    const { at } = await layers.unpack([
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
    const { at, target } = await layers.unpack([
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
    const base = await layers.unpack([
      { type: 'file', path: 'etc/passwd', content: 'old' },
      { type: 'file', path: 'etc/group', content: 'old' },
      { type: 'file', path: 'var/old', content: 'old' },
    ]);
    const top = await layers.unpack(
      [
        { type: 'file', path: 'etc/.wh.passwd', content: '' },
        { type: 'file', path: 'var/.wh..wh..opq', content: '' },
        { type: 'file', path: 'var/new', content: 'new' },
      ],
      [base.target],
    );
    const merged = join(layers.directory, 'merged');
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
    const { at } = await layers.unpack(order === 'before' ? [whiteout, ...fresh] : [...fresh, whiteout]);
    expect(opaque(at('data'))).toBeDefined();
    expect(await readdir(at('data'))).toEqual(['new']);
  });

  it('lets a later entry replace an earlier one', async () => {
    const { at } = await layers.unpack([
      { type: 'directory', path: 'a' },
      { type: 'file', path: 'a/b', content: 'x' },
      { type: 'file', path: 'a', content: 'now a file' },
    ]);
    expect(await readFile(at('a'), 'utf8')).toBe('now a file');
  });

  it('gives a parent that the layer does not name the looks it has in the layer below', async () => {
    const base = await layers.unpack([{ type: 'directory', path: 'home/app', mode: 0o700, uid: 1000, gid: 1000 }]);
    const { at } = await layers.unpack([{ type: 'file', path: 'home/app/x', content: 'x' }], [base.target]);
    expect(await lstat(at('home/app'))).toMatchObject({ mode: 0o40700, uid: 1000, gid: 1000 });
  });

  it.each([
    ['relative', 'usr/bin'],
    ['absolute', '/usr/bin'],
    ['leaving the root', '../../usr/bin'],
  ])('writes through a link of a layer below that is %s, but stays inside the root', async (_, target) => {
    const base = await layers.unpack([
      { type: 'directory', path: 'usr/bin', mode: 0o711 },
      { type: 'symlink', path: 'bin', target },
    ]);
    const { target: root, at } = await layers.unpack(
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

  it('sees no link that a layer between hides', async () => {
    const base = await layers.unpack([{ type: 'symlink', path: 'a', target: 'elsewhere' }]);
    const hiding = await layers.unpack([{ type: 'file', path: '.wh.a', content: '' }], [base.target]);
    const { target: root } = await layers.unpack([{ type: 'file', path: 'a/x', content: 'x' }], [hiding.target, base.target]);
    expect(await readdir(root)).toEqual(['a']);
  });

  it('takes a file of a layer below up into this one where a hard link leads to it', async () => {
    const capability = Buffer.from('0100000280000000ff00000000000000', 'hex').subarray(0, 20);
    const base = await layers.unpackRaw([
      paxRecords({ 'SCHILY.xattr.security.capability': Buffer.concat([capability, Buffer.alloc(4)]) }),
      { name: 'bin/ping', content: 'program', mode: 0o4755, modified: 1_000 },
    ]);
    const { at, size } = await layers.unpack([{ type: 'hard-link', path: 'ping', target: 'bin/ping' }], [base.target]);
    const [file, link] = await Promise.all([lstat(at('bin/ping')), lstat(at('ping'))]);
    expect(link.ino).toBe(file.ino);
    expect(file).toMatchObject({ mode: 0o104755, mtimeMs: 1_000_000 });
    expect(await readFile(at('ping'), 'utf8')).toBe('program');
    expect(syscalls().getAttribute(at('ping'), 'security.capability')).toEqual(
      syscalls().getAttribute(base.at('bin/ping'), 'security.capability'),
    );
    expect(size).toEqual({ bytes: 7, inodes: 3 });
  });

  it('keeps file capabilities whose bytes are no text', async () => {
    // cap_setuid=ep, as newuidmap has it in many images.
    const value = Buffer.from('0100000280000000000000000000000000000000', 'hex');
    const { at } = await layers.unpackRaw([paxRecords({ 'SCHILY.xattr.security.capability': value }), { name: 'newuidmap', content: 'x' }]);
    expect(Buffer.from(syscalls().getAttribute(at('newuidmap'), 'security.capability') ?? [])).toEqual(value);
  });

  it('keeps names with control characters', async () => {
    const name = 'a\n\u001b[31mb\t';
    const { target } = await layers.unpack([{ type: 'file', path: name, content: '' }]);
    expect(await readdir(target)).toEqual([name]);
  });

  it('gives a time that no disk can keep the nearest one', async () => {
    const { at } = await layers.unpackRaw([
      paxRecords({ mtime: '1e30' }),
      { name: 'late' },
      paxRecords({ mtime: '-1e30' }),
      { name: 'early' },
    ]);
    expect((await lstat(at('late'))).mtime.getUTCFullYear()).toBeGreaterThan(2400);
    expect((await lstat(at('early'))).mtime.getUTCFullYear()).toBe(1970);
  });

  it('ends when its signal is aborted', async () => {
    const { blob, diffId } = await layers.make([{ type: 'file', path: 'a', content: 'x' }]);
    await expect(unpackLayer({ blob, diffId, lowers: [] }, layers.fresh(), AbortSignal.abort())).rejects.toMatchObject({
      code: 'CANCELLED',
    });
  });
});
