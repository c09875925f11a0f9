import type { Blobs } from './blobs.ts';
import { type InstalledImage, partsOf } from './install.ts';
import type { Layers } from './layers.ts';
import type { Leases } from './leases.ts';
import type { Records } from './records.ts';

/** Digests and chain ids. */
export type ImageParts = Pick<InstalledImage, 'blobs' | 'layers'>;

export const noParts: ImageParts = { blobs: [], layers: [] };

/** What a failed pull has brought is kept this long for the next attempt to go on from, unless the disk is full. */
export const resumableMs = 86_400_000;

interface StoreParts {
  blobs: Blobs;
  layers: Layers;
  records: Records;
  leases: Leases;
}

/**
 * Takes away what no record and no lease names: at once where it is of `removed`, otherwise what is older than `spareMs`.
 * Gives the paths that are left to be deleted. To be called under the store's lock.
 */
export async function detachGarbage(store: StoreParts, removed: ImageParts, spareMs: number): Promise<string[]> {
  const used = await partsInUse(store);
  const oldest = Date.now() - spareMs;
  const detached: string[] = [];
  const unusedBlob = garbageOf(used.blobs, removed.blobs, oldest);
  for (const { digest, modifiedMs } of await store.blobs.list()) {
    if (unusedBlob(digest, modifiedMs)) detached.push(await store.blobs.detach(digest));
  }
  const unusedLayer = garbageOf(used.layers, removed.layers, oldest);
  for (const { chainId, modifiedMs, folder } of await store.layers.list()) {
    if (unusedLayer(chainId, modifiedMs)) detached.push(await store.layers.detach(folder));
  }
  return detached;
}

async function partsInUse({ records, leases, blobs }: StoreParts): Promise<ImageParts> {
  const leased = (await leases.live()).map(({ manifestDigest, manifest }) => partsOf(manifestDigest, manifest, blobs));
  const parts = [...(await records.images()), ...(await Promise.all(leased))];
  return { blobs: parts.flatMap((part) => part.blobs), layers: parts.flatMap((part) => part.layers) };
}

function garbageOf(used: string[], removed: string[], oldest: number): (name: string, modifiedMs: number) => boolean {
  const [usedNames, removedNames] = [new Set(used), new Set(removed)];
  return (name, modifiedMs) => !usedNames.has(name) && (removedNames.has(name) || modifiedMs <= oldest);
}
