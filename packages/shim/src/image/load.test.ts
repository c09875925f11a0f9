import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildImage, type ImageOptions } from '@berth/conformance/image-builder';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unpackingNeeds } from '../../testing/test-layers.ts';
import { digestOf } from './digest.ts';
import { LayeredImages } from './store.ts';

const signal = AbortSignal.timeout(60_000);
const wrong = `sha256:${'ab'.repeat(32)}`;
const indexType = 'application/vnd.oci.image.index.v1+json';

describe.skipIf(unpackingNeeds)(`loading an archive${unpackingNeeds ? ` (${unpackingNeeds})` : ''}`, () => {
  let scratch: string;
  let images: LayeredImages;

  beforeEach(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'berth-load-'));
    images = new LayeredImages(join(scratch, 'images'));
  });
  afterEach(() => rm(scratch, { recursive: true, force: true }));

  const build = (names: string[], format: ImageOptions['format'] = 'oci') =>
    buildImage({ output: join(scratch, 'image.tar'), names, layers: [[{ type: 'file', path: 'a', content: 'a' }]], format });

  /** The archive of an image without a name, its files changed by `change`. */
  const changed = async (format: ImageOptions['format'], change: (folder: string, manifestDigest: string) => Promise<void>) => {
    const { path, manifestDigest = '' } = await build(['localhost/q:1'], format);
    const folder = join(scratch, 'unpacked');
    await mkdir(folder);
    execFileSync('tar', ['-xf', path, '-C', folder]);
    await change(folder, manifestDigest);
    execFileSync('tar', ['-cf', path, '-C', folder, '.']);
    return path;
  };
  const withIndex = (index: (manifestDigest: string) => unknown) =>
    changed('oci', (folder, digest) => writeFile(join(folder, 'index.json'), JSON.stringify(index(digest))));
  const withManifests = (manifests: (own: Record<string, unknown>) => unknown) =>
    changed('docker', async (folder) => {
      const file = join(folder, 'manifest.json');
      const [own] = JSON.parse(await readFile(file, 'utf8')) as [Record<string, unknown>];
      await writeFile(file, JSON.stringify(manifests(own)));
    });

  it.each(['oci', 'docker'] as const)('refuses a digest in the name that is not the digest of the image, in %s format', async (format) => {
    const { path } = await build(['localhost/good:1', `registry.example/team/app@${wrong}`], format);
    await expect(images.load(path, {}, signal)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(new RegExp(`^image registry.example/team/app@${wrong}: .* has the digest sha256:\\w{64}; make`)),
    });
    expect(await images.list()).toEqual([]);
  });

  it('refuses a wrong digest in the name that it is told, with a tag or without', async () => {
    const { path, manifestDigest } = await build(['localhost/app:1']);
    for (const name of [`app@${wrong}`, `app:1@${wrong}`])
      await expect(images.load(path, { name }, signal)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await images.list()).toEqual([]);
    const names = [`docker.io/library/app@${manifestDigest}`];
    expect(await images.load(path, { name: `app@${manifestDigest}` }, signal)).toMatchObject([{ names }]);
  });

  it('takes the digest of an index for the name of the image in it, and saves that under its own', async () => {
    let name = '';
    const path = await changed('oci', async (folder, digest) => {
      const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [{ digest, size: 1 }] });
      const top = { digest: digestOf(Buffer.from(index)), size: index.length, mediaType: indexType };
      name = `localhost/q@${top.digest}`;
      await writeFile(join(folder, 'blobs', top.digest.replace(':', '/')), index);
      const manifests = [{ ...top, annotations: { 'io.containerd.image.name': name } }];
      await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
    });
    expect(await images.load(path, {}, signal)).toMatchObject([{ names: [name] }]);
    await images.save([name], join(scratch, 'saved.tar'), 'oci', signal);
    const again = new LayeredImages(join(scratch, 'again'));
    expect(await again.load(join(scratch, 'saved.tar'), {}, signal)).toMatchObject([{ names: [expect.stringMatching(/^localhost\/q@/)] }]);
  });

  it('refuses a manifest that has another digest than its file is named by', async () => {
    const path = await changed('oci', async (folder, digest) => {
      const blob = join(folder, 'blobs', digest.replace(':', '/'));
      await writeFile(blob, `${await readFile(blob, 'utf8')} `);
    });
    await expect(images.load(path, {}, signal)).rejects.toThrow(/image\.tar: its file blobs\/sha256\/\w+ has the digest sha256:\w+; give/);
  });

  it.each<[string, () => Promise<string>, string]>([
    ['an index without an image', () => withIndex(() => ({ schemaVersion: 2, manifests: [] })), 'it holds no image'],
    [
      'an annotation that is no text',
      () => withIndex((digest) => ({ manifests: [{ digest, size: 1, annotations: { 'io.containerd.image.name': 5 } }] })),
      'the annotation io.containerd.image.name in its index.json is no text',
    ],
    ['a manifest.json without an image', () => withManifests(() => []), 'it holds no image'],
    ['tags that are no list', () => withManifests((own) => [{ ...own, RepoTags: 5 }]), 'its manifest.json is no list of images'],
    ['a tag that is no text', () => withManifests((own) => [{ ...own, RepoTags: [{}] }]), 'its manifest.json is no list of images'],
    ['an image without layers', () => withManifests(() => [{}]), 'its manifest.json is no list of images'],
  ])('refuses %s by the name of the archive', async (_, archive, what) => {
    const path = await archive();
    await expect(images.load(path, {}, signal)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(`archive ${path}: ${what}; give a file made by`),
    });
  });
});
