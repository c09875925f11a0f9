import { execFileSync } from 'node:child_process';
import { createReadStream, watch } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
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

  it('removes what a writer that was killed has left of its records, too', async () => {
    await load('localhost/app:1');
    for (const folder of ['records', 'names'])
      for (const file of await files(folder)) await writeFile(join(directory, folder, `${file}.0123.tmp`), '{');
    await images.remove('localhost/app:1');
    expect([await files('records'), await files('names')]).toEqual([[], []]);
  });

  it('loads a compressed archive, and names it as told', async () => {
    const { path } = await build('localhost/app:1', 'x');
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

  it('counts what its images take of the disk, as du does', async () => {
    const many = Array.from({ length: 300 }, (_, index) => ({
      type: 'file' as const,
      path: `file${index}`,
      content: 'x'.repeat(index * 20),
    }));
    const nested = Array.from({ length: 20 }, (_, index) => ({ type: 'directory' as const, path: `directory${index}/below` }));
    const linked = [{ type: 'hard-link' as const, path: 'link', target: 'file299' }];
    await load('localhost/app:1', 'x'.repeat(100_000));
    await images.load((await build('localhost/many:1', 'x', { layers: [base, many, [...many, ...linked], nested] })).path, {}, signal);
    await images.use('localhost/app:1', 'c1');
    const [usage] = await images.usage();
    expect(usage?.fsId?.mountpoint).toBe(directory);
    const du = (...options: string[]) => Number(execFileSync('du', ['-s', ...options, directory], { encoding: 'utf8' }).split('\t')[0]);
    expect(Number(usage?.usedBytes?.value) / (du('-B1') || 1)).toBeCloseTo(1, 2);
    expect(Number(usage?.inodesUsed?.value)).toBe(du('--inodes'));
  });

  it.each(['oci', 'docker'] as const)('saves images as one archive in %s format, which another store loads', async (format) => {
    const [app] = await load('localhost/app:1');
    await images.tag('localhost/app:1', 'localhost/app:also');
    const [other] = await images.load((await build('localhost/other:1', 'x', { format: 'docker' })).path, {}, signal);
    const archive = join(scratch, 'saved.tar');
    await images.save(['localhost/app:1', 'localhost/app:also', other?.id ?? ''], archive, format, signal);
    const again = new LayeredImages(join(scratch, 'again'));
    const loaded = [
      { id: app?.id, names: ['localhost/app:1', 'localhost/app:also'] },
      { id: other?.id, names: [] },
    ];
    expect(await again.load(archive, {}, signal)).toEqual(loaded);
    expect(await again.load(createReadStream(archive), {}, signal)).toEqual(loaded);
    expect((await readdir(scratch)).filter((name) => name.includes('partial'))).toEqual([]);
    expect(await readdir(join(scratch, 'again', 'incoming'))).toEqual([]);
  });

  it('saves as a docker archive what a reader of its manifest.json alone loads', async () => {
    const [app] = await load('localhost/app:1');
    const archive = join(scratch, 'saved.tar');
    await images.save(['localhost/app:1'], archive, 'docker', signal);
    execFileSync('tar', ['--delete', '-f', archive, 'index.json', 'oci-layout']);
    expect(await new LayeredImages(join(scratch, 'again')).load(archive, {}, signal)).toEqual([
      { id: app?.id, names: ['localhost/app:1'] },
    ]);
  });

  it.each([
    ['missing/x.tar', 'there is no directory SCRATCH/missing; make it'],
    ['image.tar/x.tar', 'SCRATCH/image.tar is no directory; make it'],
    ['images', 'it is a directory; name a file in it'],
  ])('saves no archive as %s, and says what to do', async (output, what) => {
    await load('localhost/app:1');
    const file = join(scratch, output);
    await expect(images.save(['localhost/app:1'], file, 'oci', signal)).rejects.toThrow(
      `archive ${file}: ${what.replace('SCRATCH', scratch)}`,
    );
  });

  it('leaves no archive where a part of an image is missing', async () => {
    await load('localhost/app:1');
    const [blob = ''] = await files('blobs');
    await rm(join(directory, 'blobs', blob));
    const archive = join(scratch, 'saved.tar');
    await expect(images.save(['localhost/app:1'], archive, 'oci', signal)).rejects.toThrow(blob);
    expect((await readdir(scratch)).filter((name) => name.startsWith('saved'))).toEqual([]);
  });

  it('gives an image another name, which takes that from the image that had it', async () => {
    const [app] = await load('localhost/app:1');
    const [other] = await load('localhost/other:1');
    expect(await images.tag(app?.id ?? '', 'app')).toBe('docker.io/library/app:latest');
    expect(await images.tag('app', 'localhost/other:1')).toBe('localhost/other:1');
    expect((await images.status('localhost/other:1'))?.id).toBe(app?.id);
    expect((await images.status(other?.id ?? ''))?.repoTags).toEqual([]);
    const { repoDigests = [] } = (await images.status('app')) ?? {};
    expect(new Set(repoDigests.map((name) => name.replace(/@.*/, '')))).toEqual(
      new Set(['docker.io/library/app', 'localhost/app', 'localhost/other']),
    );
    for (const name of repoDigests) expect((await images.status(name))?.id).toBe(app?.id);
    await expect(images.tag('localhost/none:1', 'x')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(images.tag('app', `x@sha256:${'0'.repeat(64)}`)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('takes one tag away, and the image with the last one', async () => {
    const [app] = await load('localhost/app:1');
    await images.tag('localhost/app:1', 'localhost/app:also');
    await images.use('localhost/app:1', 'c1');
    expect(await images.untag('localhost/app:1')).toBe('untagged');
    expect((await images.status(app?.id ?? ''))?.repoTags).toEqual(['localhost/app:also']);
    await expect(images.untag('localhost/app:also')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    await images.release('c1');
    expect(await images.untag('localhost/app:also')).toBe('removed');
    await expect(images.untag('localhost/app:also')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await load('localhost/app:1');
    await images.tag('localhost/app:1', 'localhost/app:also');
    expect(await images.untag(app?.id ?? '')).toBe('removed');
    expect(await files('blobs')).toEqual([]);
  });

  it('pins names, which stay pinned when another image gets them', async () => {
    const [first] = await load('localhost/app:1', 'one');
    await images.pin('localhost/app:1');
    expect(await images.status('localhost/app:1')).toMatchObject({ pinned: true });
    const [second] = await load('localhost/app:1', 'two');
    expect((await images.list()).map(({ id, pinned }) => [id, pinned]).toSorted()).toEqual(
      [
        [first?.id, false],
        [second?.id, true],
      ].toSorted(),
    );
    expect((await images.prune({ all: true }, signal)).map(({ id }) => id)).toEqual([first?.id]);
    await images.unpin(second?.id ?? '');
    expect(await images.status('localhost/app:1')).toMatchObject({ pinned: false });
    await images.pin(second?.id ?? '');
    await images.remove('localhost/app:1');
    expect(await images.list()).toEqual([]);
  });

  it('removes images without a tag that nobody uses, or all that nobody uses, when it is told to', async () => {
    const [moved] = await load('localhost/app:1', 'one');
    const [used] = await load('localhost/app:1', 'two');
    await images.use('localhost/app:1', 'c1');
    const [tagged] = await load('localhost/app:1', 'three');
    expect(await images.prune({ all: true }, AbortSignal.abort())).toEqual([]);
    expect((await images.prune({ all: false }, signal)).map(({ id }) => id)).toEqual([moved?.id]);
    expect((await images.prune({ all: true }, signal)).map(({ id }) => id)).toEqual([tagged?.id]);
    expect((await images.list()).map(({ id }) => id)).toEqual([used?.id]);
    expect(await files('layers')).toHaveLength(2);
  });

  it('removes at a restart what nothing has needed for long, and what its own users held that are gone', async () => {
    await load('localhost/app:1');
    await new LayeredImages(directory, { owner: 'runc' }).use('localhost/app:1', 'gone');
    await new LayeredImages(directory, { owner: 'vm' }).use('localhost/app:1', 'other');
    const [layers, blobs] = [await files('layers'), await files('blobs')];
    for (const record of await files('records')) await rm(join(directory, 'records', record));
    await new LayeredImages(directory, { owner: 'runc' }).recover(() => false);
    expect(await files('users')).toEqual(['other.json']);
    expect([await files('layers'), await files('blobs')]).toEqual([layers, blobs]);

    const longAgo = new Date(Date.now() - 2 * 86_400_000);
    for (const path of [...layers.map((name) => join('layers', name)), ...blobs.map((name) => join('blobs', name))])
      await utimes(join(directory, path), longAgo, longAgo);
    await images.recover(() => true);
    for (const folder of ['layers', 'blobs', 'incoming']) expect(await files(folder), folder).toEqual([]);
  });

  it('loads an archive that comes through a pipe, compressed or not', async () => {
    const { path, id } = await build('localhost/app:1', 'x');
    const pipe = join(scratch, 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const content of [await readFile(path), gzipSync(await readFile(path))]) {
      const writing = writeFile(pipe, content);
      expect(await images.load(pipe, {}, signal)).toEqual([{ id, names: ['localhost/app:1'] }]);
      await writing;
      expect(await files('incoming')).toEqual([]);
    }
  });

  it('loads a docker archive whose layers are compressed, as kaniko makes them', async () => {
    const { path, id } = await build('localhost/app:1', 'x', { format: 'docker' });
    const unpacked = join(scratch, 'unpacked');
    await mkdir(unpacked);
    execFileSync('tar', ['-xf', path, '-C', unpacked]);
    const [manifest] = JSON.parse(await readFile(join(unpacked, 'manifest.json'), 'utf8')) as { Layers: string[] }[];
    for (const layer of manifest?.Layers ?? []) await writeFile(join(unpacked, layer), gzipSync(await readFile(join(unpacked, layer))));
    execFileSync('tar', ['-cf', path, '-C', unpacked, '.']);
    expect(await images.load(path, {}, signal)).toEqual([{ id, names: ['localhost/app:1'] }]);
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
