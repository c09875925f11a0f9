import type { Readable } from 'node:stream';
import { PluginError } from '@berth/sdk/errors';
import { nameOf, parseReference, type Reference, repositoryOf } from '@berth/sdk/image-reference';
import { addImage } from './add-image.ts';
import { readArchive } from './archive.ts';
import { digestOf } from './digest.ts';
import type { SharedStore } from './shared-store.ts';

/** An image that was loaded: its id, and the names that it has from the archive, in full. */
export interface LoadedImage {
  id: string;
  names: string[];
}

/** As `load` of LayeredImages. */
export async function loadArchive(
  store: SharedStore,
  source: string | Readable,
  options: { name?: string },
  signal: AbortSignal,
): Promise<LoadedImage[]> {
  const archive = await readArchive(source, store.incoming, signal);
  try {
    const images = archive.images.map(({ names: own, digests, ...image }) => {
      const references = (options.name === undefined ? own : [options.name]).map((name) => namedReference(name, digests));
      return { ...image, references };
    });
    const loaded: LoadedImage[] = [];
    for (const { manifestBytes, manifest, references } of images) {
      const digests = references.map((reference) => `${repositoryOf(reference)}@${digestOf(manifestBytes)}`);
      const names = references.map(nameOf);
      const id = await addImage(store, { manifestBytes, manifest, names: [...new Set([...names, ...digests])] }, archive, signal);
      loaded.push({ id, names });
    }
    return loaded;
  } finally {
    await archive.close();
  }
}

/** A name for an image of these digests. One with another digest is refused: a pod that asks for that one would get this image. */
function namedReference(name: string, digests: string[]): Reference {
  const reference = parseReference(name);
  if (reference.digest === undefined || digests.includes(reference.digest)) return reference;
  throw new PluginError('INVALID_ARGUMENT', `the archive's image of this name has the digest ${digests[0]}`, {
    object: `image ${nameOf(reference)}`,
    hint: 'make the archive again with a tag for its name, or load another one',
  });
}
