import { PluginError } from '@berth/sdk/errors';
import { nameOf, parseReference, repositoryOf } from '@berth/sdk/image-reference';
import { explainFullDisk } from '../files/full-disk.ts';
import { presentImage } from './present-image.ts';
import { meansId } from './records.ts';
import type { SharedStore } from './shared-store.ts';

/** A name that an image is to be given, in full. INVALID_ARGUMENT for one with a digest. */
export function newTag(name: string): string {
  const reference = parseReference(name);
  if (reference.digest === undefined) return nameOf(reference);
  throw new PluginError('INVALID_ARGUMENT', 'a digest is what an image has, not a name to be given', {
    object: `image ${name}`,
    hint: 'write NAME:TAG',
  });
}

/** As `tag` of LayeredImages. */
export async function tagImage(store: SharedStore, reference: string, name: string): Promise<string> {
  const tag = newTag(name);
  const repository = repositoryOf(parseReference(tag));
  await changing(store, reference, async () => {
    const { id, manifestDigest } = await presentImage(store, reference);
    await store.records.name(id, [`${repository}@${manifestDigest}`, tag]);
  });
  return tag;
}

/** As `pin` of LayeredImages. */
export async function pinImage(store: SharedStore, reference: string): Promise<void> {
  await changing(store, reference, async () => {
    const image = await presentImage(store, reference);
    const names = await store.records.namesOf(image.id);
    const pinned = meansId(reference, image.id) ? names : names.filter(({ name }) => name === nameOf(parseReference(reference)));
    if (pinned.length > 0) return store.records.pin(pinned, true);
    throw new PluginError('FAILED_PRECONDITION', 'it has no name', {
      object: `image ${reference}`,
      hint: 'give it one with: berth image tag',
    });
  });
}

/** As `unpin` of LayeredImages. */
export async function unpinImage(store: SharedStore, reference: string): Promise<void> {
  await changing(store, reference, async () =>
    store.records.pin(await store.records.namesOf((await presentImage(store, reference)).id), false),
  );
}

/** Under the store's lock. On a full disk the error names the image, not a file of the store. */
async function changing(store: SharedStore, reference: string, change: () => Promise<void>): Promise<void> {
  try {
    await store.locked(change);
  } catch (error) {
    const cause = error instanceof PluginError ? error.cause : error;
    const explained = explainFullDisk(cause, store.directory, `image ${reference}`);
    throw explained === cause ? error : explained;
  }
}
