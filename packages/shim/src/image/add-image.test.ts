import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildImage } from '@berth/conformance/image-builder';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unpackingNeeds } from '../../testing/test-layers.ts';
import { addImage } from './add-image.ts';
import { readArchive } from './archive.ts';
import type { BlobSource } from './install.ts';
import { SharedStore } from './shared-store.ts';

const signal = AbortSignal.timeout(60_000);

describe.skipIf(unpackingNeeds)(`addImage${unpackingNeeds ? ` (${unpackingNeeds})` : ''}`, () => {
  let scratch: string;

  beforeEach(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'berth-add-image-'));
  });
  afterEach(() => rm(scratch, { recursive: true, force: true }));

  it('takes up no layer before a collection has ended that may not know the configuration', async () => {
    const store = new SharedStore(join(scratch, 'images'), 'test');
    const layers = [[{ type: 'file' as const, path: 'a', content: 'a' }]];
    const { path, id } = await buildImage({ output: join(scratch, 'image.tar'), names: ['localhost/app:1'], layers });
    const archive = await readArchive(path, join(scratch, 'incoming'), signal);
    const [image] = archive.images;
    if (!image) throw new Error('the archive has no image');

    const collection = Promise.withResolvers<void>();
    const events: string[] = [];
    const source: BlobSource = {
      async *open(blob, within, from) {
        if (blob.digest === image.manifest.config.digest) {
          const started = Promise.withResolvers<void>();
          void store.collecting(async () => {
            started.resolve();
            await collection.promise;
            events.push('collected');
            return { blobs: [], layers: [] };
          });
          await started.promise;
          setTimeout(collection.resolve, 100);
        } else events.push('layer');
        yield* archive.open(blob, within, from);
      },
    };
    expect(await addImage(store, { ...image, names: ['localhost/app:1'] }, source, signal)).toBe(id);
    expect(events).toEqual(['collected', 'layer']);
    await archive.close();
  });
});
