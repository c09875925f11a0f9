import { PluginError } from '@berth/sdk/errors';
import { nameOf, parseReference, type Reference } from '@berth/sdk/image-reference';
import type { LeasedImage } from './leases.ts';
import { manifestOf, presentImage } from './present-image.ts';
import type { Records } from './records.ts';
import type { PushedImage } from './registry/push.ts';
import type { SharedStore } from './shared-store.ts';

/**
 * What a present image is pushed from, with what has to stay meanwhile: `reference` is looked up once, since its tag may move. `text` is
 * how the user wrote it. Throws FAILED_PRECONDITION where the store lacks what the reference means.
 */
export async function pushSource(
  store: SharedStore,
  text: string,
  reference: Reference,
): Promise<{ source: PushedImage; leased: LeasedImage }> {
  const { blobs, records } = store;
  const object = `image ${nameOf(reference)}`;
  const image = await presentImage(store, text);
  if (reference.digest !== undefined && reference.digest !== image.manifestDigest) {
    const what = `the digest is that of an index, of which only the image ${image.manifestDigest} for this machine is here`;
    throw new PluginError('FAILED_PRECONDITION', what, { object, hint: 'push it by a tag' });
  }
  const { bytes, manifest } = await manifestOf(store, image, object);
  const parts = [manifest.config, ...manifest.layers];
  for (const { digest } of parts) {
    if (await blobs.has(digest)) continue;
    throw new PluginError('FAILED_PRECONDITION', `its blob ${digest} is not here`, { object, hint: 'pull it again, then push it' });
  }
  const repositories = await repositoriesOf(reference, records);
  const source: PushedImage = {
    manifest: { bytes, digest: image.manifestDigest, mediaType: manifest.mediaType },
    blobs: parts,
    path: (digest) => blobs.path(digest),
    repositoryWith: (digest) => repositories.get(digest),
  };
  return { source, leased: { manifestDigest: image.manifestDigest, manifest } };
}

/** By blob, a repository of the same registry that an image with it came from. */
async function repositoriesOf({ domain, path }: Reference, records: Records): Promise<Map<string, string>> {
  const [images, names] = await Promise.all([records.images(), records.names()]);
  const byId = new Map(images.map((image) => [image.id, image]));
  const repositories = new Map<string, string>();
  for (const { name, image } of names) {
    const other = parseReference(name);
    if (other.domain !== domain || other.path === path) continue;
    for (const digest of byId.get(image)?.blobs ?? []) repositories.set(digest, other.path);
  }
  return repositories;
}
