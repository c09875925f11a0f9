import type { Image } from '@berth/sdk/cri';
import { nameOf, parseReference } from '@berth/sdk/image-reference';
import { listImages } from './cri-image.ts';
import { type ImageParts, noParts } from './garbage.ts';
import { presentImage } from './present-image.ts';
import { isDigestName, meansId } from './records.ts';
import type { SharedStore } from './shared-store.ts';

/** What has become of an image whose name was taken away. */
export type Removal = 'untagged' | 'removed';

/** Removes an image with all its names; an absent one is no error, one in use by a container FAILED_PRECONDITION. */
export async function removeImage(store: SharedStore, reference: string): Promise<void> {
  await store.collecting(() => unrecord(store, reference));
}

/** As `untag` of LayeredImages. */
export async function untagImage(store: SharedStore, reference: string): Promise<Removal> {
  let outcome: Removal = 'removed';
  await store.collecting(async () => {
    const image = await presentImage(store, reference);
    const name = meansId(reference, image.id) ? undefined : nameOf(parseReference(reference));
    const tags = (await store.records.namesOf(image.id)).filter((record) => !isDigestName(record.name));
    if (name === undefined || isDigestName(name) || tags.length < 2) return unrecord(store, reference);
    await store.records.unname(name);
    outcome = 'untagged';
    return noParts;
  });
  return outcome;
}

/** As `prune` of LayeredImages. */
export async function pruneImages(store: SharedStore, { all }: { all: boolean }, signal: AbortSignal): Promise<Image[]> {
  const removed: Image[] = [];
  await store.removeLeftovers(0);
  await store.collecting(async () => {
    const used = await store.users.images();
    for (const image of await listImages(store)) {
      // The parts of those before are collected all the same.
      if (signal.aborted) break;
      if (used.has(image.id) || image.pinned || (image.repoTags.length > 0 && !all)) continue;
      await store.records.remove(image.id);
      removed.push(image);
    }
    return noParts;
  }, 0);
  return removed;
}

/** Removes the record and names; gives the parts that the image had. The caller holds the store's lock. */
async function unrecord({ records, users }: SharedStore, reference: string): Promise<ImageParts> {
  const image = await records.find(reference);
  if (!image) return noParts;
  await users.checkUnused(image.id, reference);
  await records.remove(image.id);
  return image;
}
