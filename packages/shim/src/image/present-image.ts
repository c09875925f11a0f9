import { PluginError } from '@berth/sdk/errors';
import type { InstalledImage } from './install.ts';
import { type Manifest, parseManifest } from './manifest.ts';
import type { SharedStore } from './shared-store.ts';

/** The image that a user means; NOT_FOUND where there is none. */
export async function presentImage({ records }: SharedStore, reference: string): Promise<InstalledImage> {
  const image = await records.find(reference);
  if (image) return image;
  throw new PluginError('NOT_FOUND', 'it is not on this node', {
    object: `image ${reference}`,
    hint: 'pull it, or load it with: berth image load FILE',
  });
}

/** The manifest of an image that `presentImage` gave. `object` names it in errors. */
export async function manifestOf(
  { blobs }: SharedStore,
  { manifestDigest }: InstalledImage,
  object: string,
): Promise<{ bytes: Buffer; manifest: Manifest }> {
  const bytes = await blobs.read(manifestDigest);
  const manifest = parseManifest(bytes, object);
  if (manifest.kind !== 'manifest') throw new PluginError('DATA_LOSS', 'its manifest is an index', { object });
  return { bytes, manifest };
}
