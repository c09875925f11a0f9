import { PluginError } from '@berth/sdk/errors';
import { explainFullDisk } from '../files/full-disk.ts';
import { digestOf } from './digest.ts';
import { type BlobSource, type InstalledImage, installImage, partsOf } from './install.ts';
import type { Manifest } from './manifest.ts';
import type { SharedStore } from './shared-store.ts';

interface NewImage {
  manifestBytes: Buffer;
  manifest: Manifest;
  /** In full, tags and digests. */
  names: string[];
}

/** Brings an image into the store, with its names, and gives its id. It is listed when all of it is there and on disk. */
export async function addImage(
  store: SharedStore,
  { manifestBytes, manifest, names }: NewImage,
  source: BlobSource,
  signal: AbortSignal,
): Promise<string> {
  const object = `image ${names[0] ?? manifest.config.digest}`;
  const leased = { manifestDigest: digestOf(manifestBytes), manifest };
  try {
    await store.removeLeftovers();
    return await store.leasing([leased], async () => {
      const image = await installImage(manifestBytes, manifest, source, store, signal);
      await store.locked(() => record(store, image, names, object));
      return image.id;
    });
  } catch (error) {
    // Otherwise what has come is kept, for the next attempt to go on from. What can't be given back is garbage for later: this error counts.
    if (PluginError.from(error).code === 'RESOURCE_EXHAUSTED')
      await giveBack(store, leased.manifestDigest, manifest).catch(() => undefined);
    throw PluginError.from(explainFullDisk(error, store.directory, object), 'INTERNAL', { object });
  }
}

async function record(store: SharedStore, image: InstalledImage, names: string[], object: string): Promise<void> {
  const layers = await Promise.all(image.layers.map((chainId) => store.layers.find(chainId)));
  const blobs = await Promise.all(image.blobs.map((digest) => store.blobs.has(digest)));
  if (!layers.includes(undefined) && !blobs.includes(false)) return store.records.put(image, names);
  throw new PluginError('ABORTED', 'parts of it were deleted as they came', {
    object,
    hint: `let nobody but Berth change ${store.directory}, and try again`,
  });
}

/** Where the disk is full, what a failed pull has brought takes room from others; parts of other images stay. */
async function giveBack(store: SharedStore, manifestDigest: string, manifest: Manifest): Promise<void> {
  await store.removeLeftovers(0);
  await store.collecting(() => partsOf(manifestDigest, manifest, store.blobs));
}
