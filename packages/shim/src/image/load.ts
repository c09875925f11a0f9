import type { Readable } from 'node:stream';
import { addImage } from './add-image.ts';
import { readArchive } from './archive.ts';
import { digestOf } from './digest.ts';
import { nameOf, parseReference, repositoryOf } from './reference.ts';
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
    const loaded: LoadedImage[] = [];
    for (const { manifestBytes, manifest, names } of archive.images) {
      const given = options.name === undefined ? names : [options.name];
      const references = given.map((name) => parseReference(name));
      const digests = references.map((reference) => `${repositoryOf(reference)}@${digestOf(manifestBytes)}`);
      const tags = references.map(nameOf);
      const id = await addImage(store, { manifestBytes, manifest, names: [...new Set([...tags, ...digests])] }, archive, signal);
      loaded.push({ id, names: tags });
    }
    return loaded;
  } finally {
    await archive.close();
  }
}
