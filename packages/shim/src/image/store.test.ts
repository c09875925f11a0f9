import { watch } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildImage, type ImageOptions } from '@berth/conformance/image-builder';
import { Image } from '@berth/sdk/cri';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startImageProcess } from '../../../../test/fixtures/image-process.ts';
import { LayeredImages } from './store.ts';

const needsRoot = process.getuid?.() === 0 ? false : 'unpacking needs root';
const signal = AbortSignal.timeout(120_000);
const mebibyte = 1024 * 1024;

describe.skipIf(needsRoot)(`LayeredImages${needsRoot ? ` (${needsRoot})` : ''}`, () => {
  let scratch: string;
  let directory: string;
  let images: LayeredImages;

  beforeEach(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'berth-images-'));
    directory = join(scratch, 'images');
    images = new LayeredImages(directory);
  });
  afterEach(async () => {
    await rm(scratch, { recursive: true, force: true });
  });

  const base: ImageOptions['layers'][number] = [{ type: 'file', path: 'base', content: 'base' }];
  const build = (name: string, content: string, options: Partial<ImageOptions> = {}) =>
    buildImage({ output: join(scratch, 'image.tar'), names: [name], layers: [base, [{ type: 'file', path: 'top', content }]], ...options });
  const load = async (name: string, content = name) => images.load((await build(name, content)).path, {}, signal);
  const files = async (folder: string) => readdir(join(directory, folder));

  it.each(['oci', 'docker'] as const)('loads an archive in %s format under its names', async (format) => {
    const { path, id } = await build('localhost/app:1', 'x', { format, config: { Cmd: ['serve'], User: '1000:1000', Env: ['A=b'] } });
    expect(await images.load(path, {}, signal)).toEqual([{ id, names: ['localhost/app:1'] }]);
    expect(await images.status('localhost/app:1')).toMatchObject({
      id,
      repoTags: ['localhost/app:1'],
      uid: { value: 1000n },
      username: '',
      pinned: false,
    });
    const { config, layers } = await images.use('localhost/app:1', 'container');
    expect(config).toMatchObject({ cmd: ['serve'], user: '1000:1000', env: ['A=b'] });
    expect(await Promise.all(layers.map((layer) => readdir(layer)))).toEqual([['top'], ['base']]);
  });

  it('loads a compressed archive, and names it as told', async () => {
    const { path } = await build('localhost/app:1', 'x');
    const { gzipSync } = await import('node:zlib');
    await writeFile(`${path}.gz`, gzipSync(await readFile(path)));
    expect(await images.load(`${path}.gz`, { name: 'app' }, signal)).toMatchObject([{ names: ['docker.io/library/app:latest'] }]);
    expect(await files('incoming')).toEqual([]);
  });

  it.each(['oci', 'docker'] as const)('tells a person the configuration and the layers of an image in %s format', async (format) => {
    const { path, manifestDigest } = await build('localhost/app:1', 'four', { format, config: { Cmd: ['serve'] } });
    await images.load(path, {}, signal);
    const layer = { digest: expect.stringMatching(/^sha256:/), size: expect.any(Number), chainID: expect.stringMatching(/^sha256:/) };
    const unpacked = { bytes: 4, inodes: expect.any(Number), directory: expect.stringContaining(directory) };
    const told = await images.inspect('localhost/app:1');
    expect(told).toMatchObject({
      imageSpec: { config: { Cmd: ['serve'] }, rootfs: { type: 'layers' } },
      layers: [
        { ...layer, unpacked },
        { ...layer, unpacked },
      ],
    });
    const [, top] = (told?.layers ?? []) as { chainID: string }[];
    expect(told?.chainID).toBe(top?.chainID);
    if (format === 'oci') expect(told).toMatchObject({ manifestDigest });
    expect(await images.inspect('localhost/app:2')).toBeUndefined();
  });

  it('finds an image by tag, digest, id and unique prefix of the id', async () => {
    const { path, id, manifestDigest } = await build('localhost/app:1', 'x', { config: { User: 'app' } });
    await images.load(path, {}, signal);
    const digits = id.slice('sha256:'.length);
    for (const reference of ['localhost/app:1', `localhost/app@${manifestDigest}`, id, digits, digits.slice(0, 12), id.slice(0, 20)]) {
      expect(await images.status(reference), reference).toMatchObject({
        id,
        username: 'app',
        repoDigests: [`localhost/app@${manifestDigest}`],
      });
    }
    expect(await images.status('localhost/app:2')).toBeUndefined();
    expect(await images.status(`sha256:${'0'.repeat(64)}`)).toBeUndefined();
  });

  it('lists an image whose user is a number that none can have', async () => {
    const { path } = await build('localhost/app:1', 'x', { config: { User: '99999999999999999999:1' } });
    await images.load(path, {}, signal);
    const [image] = await images.list();
    expect(Image.decode(Image.encode(Image.fromPartial(image ?? {})).finish())).toMatchObject({ username: '99999999999999999999' });
  });

  it('moves a tag to the image loaded last, and keeps the other one by its digest', async () => {
    const [first] = await load('localhost/app:1', 'one');
    const [second] = await load('localhost/app:1', 'two');
    expect((await images.status('localhost/app:1'))?.id).toBe(second?.id);
    expect(await images.status(first?.id ?? '')).toMatchObject({
      repoTags: [],
      repoDigests: [expect.stringContaining('localhost/app@sha256:')],
    });
  });

  it('removes an image with all its tags, and only what no other image needs', async () => {
    const [app] = await load('localhost/app:1');
    await images.load((await build('localhost/app:1', 'localhost/app:1')).path, { name: 'localhost/app:also' }, signal);
    await load('localhost/other:1');
    expect(await files('layers')).toHaveLength(3);

    await images.remove('localhost/app:also');
    expect(await images.status(app?.id ?? '')).toBeUndefined();
    expect((await images.list()).flatMap(({ repoTags }) => repoTags)).toEqual(['localhost/other:1']);
    expect(await files('layers')).toHaveLength(2);

    await images.remove('localhost/other:1');
    for (const folder of ['layers', 'blobs', 'records', 'names', 'incoming']) expect(await files(folder), folder).toEqual([]);
    await images.remove('localhost/other:1');
  });

  it('keeps an image that a container uses until it is released', async () => {
    await load('localhost/app:1');
    await images.use('localhost/app:1', 'c1');
    await expect(images.remove('localhost/app:1')).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('container c1 uses it'),
    });
    await images.release('c1');
    await images.release('c1');
    await images.remove('localhost/app:1');
    await expect(images.use('localhost/app:1', 'c2')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('counts what its images take', async () => {
    await load('localhost/app:1', 'x'.repeat(10_000));
    const [usage] = await images.usage();
    expect(usage?.fsId?.mountpoint).toBe(directory);
    expect(usage?.usedBytes?.value).toBeGreaterThan(10_000n);
  });

  it('sees at once what another process loads', async () => {
    const { path, id } = await build('localhost/app:1', 'x');
    expect(await images.list()).toEqual([]);
    expect((await startImageProcess(directory, 'load', path).result).id).toBe(id);
    expect(await images.list()).toMatchObject([{ id }]);
  });

  it.each([
    ['no tar', Buffer.from('no tar at all, but longer than a header'.repeat(20))],
    ['an empty file', Buffer.alloc(0)],
  ])('refuses %s as an archive by its name', async (_, content) => {
    const path = join(scratch, 'broken.tar');
    await writeFile(path, content);
    await expect(images.load(path, {}, signal)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(path) });
  });

  it('refuses an archive that is cut short, and keeps nothing of it', async () => {
    const { path } = await build('localhost/app:1', 'x'.repeat(100_000), { compression: 'none' });
    await writeFile(path, (await readFile(path)).subarray(0, 50_000));
    await expect(images.load(path, {}, signal)).rejects.toThrow(path);
    expect(await images.list()).toEqual([]);
  });

  describe('with a layer of 200 MB', () => {
    let large: string;
    let archive: string;

    beforeAll(async () => {
      large = await mkdtemp(join(tmpdir(), 'berth-large-'));
      archive = join(large, 'image.tar');
      const chunks = function* () {
        for (let count = 0; count < 10; count++) yield Buffer.alloc(mebibyte, count);
      };
      const entries = Array.from({ length: 20 }, (_, index) => ({
        type: 'file' as const,
        path: `file${index}`,
        content: { size: 10 * mebibyte, chunks },
      }));
      await buildImage({ output: archive, names: ['localhost/large:1'], layers: [entries], compression: 'none' });
    }, 60_000);
    afterAll(async () => {
      await rm(large, { recursive: true, force: true });
    });

    it('needs little more memory to unpack it than a small one', async () => {
      const { path } = await build('localhost/app:1', 'x');
      const small = await startImageProcess(directory, 'load', path).result;
      const huge = await startImageProcess(directory, 'load', archive).result;
      expect(huge.maxResidentMiB - small.maxResidentMiB).toBeLessThan(100);
    }, 60_000);

    it('leaves no half image when its process is killed in mid-unpack', async () => {
      const incoming = join(directory, 'incoming');
      await mkdir(incoming, { recursive: true });
      const { promise: unpacking, resolve } = Promise.withResolvers<void>();
      const watcher = watch(incoming, (_, name) => name?.startsWith('layer-') && resolve());
      const victim = startImageProcess(directory, 'load', archive);
      await unpacking;
      watcher.close();
      victim.process.kill('SIGKILL');
      await expect(victim.result).rejects.toThrow('SIGKILL');

      expect((await readdir(incoming)).some((name) => name.startsWith('layer-'))).toBe(true);
      expect(await images.list()).toEqual([]);
      expect(await files('layers')).toEqual([]);

      await images.load(archive, {}, signal);
      expect(await images.status('localhost/large:1')).toBeDefined();
      expect(await readdir(incoming)).toEqual([]);
    }, 60_000);
  });
});
