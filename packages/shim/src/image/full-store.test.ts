import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildImage } from '@berth/conformance/image-builder';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SmallDisk } from '../../testing/small-disk.ts';
import { unpackingNeeds } from '../../testing/test-layers.ts';
import { LayeredImages } from './store.ts';

const signal = AbortSignal.timeout(60_000);

describe.skipIf(unpackingNeeds)(`a store on a full disk${unpackingNeeds ? ` (${unpackingNeeds})` : ''}`, () => {
  let scratch: string;
  let small: string;
  let disk: SmallDisk;
  let images: LayeredImages;

  beforeEach(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'berth-full-store-'));
    small = join(scratch, 'small');
    await mkdir(small);
    disk = new SmallDisk(small, '8m', 300);
    images = new LayeredImages(join(small, 'images'));
    for (const name of ['localhost/one:1', 'localhost/two:1']) {
      const layers = [[{ type: 'file' as const, path: 'name', content: name }]];
      const { path } = await buildImage({ output: join(scratch, 'image.tar'), names: [name], layers });
      await images.load(path, {}, signal);
    }
  });
  afterEach(async () => {
    disk.unmount();
    await rm(scratch, { recursive: true, force: true });
  });

  it('removes and prunes images where no inode is free', async () => {
    await writeFile(join(small, 'images/incoming/leftover'), '');
    disk.fillInodes();
    await images.remove('localhost/one:1');
    disk.fillInodes();
    expect((await images.prune({ all: true }, signal)).map(({ repoTags }) => repoTags)).toEqual([['localhost/two:1']]);
    for (const folder of ['layers', 'blobs', 'records', 'names', 'incoming'])
      expect(await readdir(join(small, 'images', folder)), folder).toEqual([]);
  });

  it.each(['fill', 'fillInodes'] as const)('says by the name of the image that it has no room for a tag or a pin: %s', async (fill) => {
    disk[fill]();
    const full = {
      code: 'RESOURCE_EXHAUSTED',
      message: `image localhost/one:1: the file system of ${join(small, 'images')} is full; make room there, for example remove images and containers that nobody uses`,
    };
    await expect(images.tag('localhost/one:1', 'localhost/other:1')).rejects.toMatchObject(full);
    await expect(images.pin('localhost/one:1')).rejects.toMatchObject(full);
  });
});
