import { PluginError } from '@berth/sdk/errors';
import type { Blobs } from './blobs.ts';
import type { InstalledImage } from './install.ts';
import { parseManifest } from './manifest.ts';
import type { Records } from './records.ts';
import { nameOf, parseReference, type Reference } from './reference.ts';
import type { PushedImage } from './registry/push.ts';

/** What a present image is pushed from. Throws FAILED_PRECONDITION where the store lacks what the reference means. */
export async function pushSource(image: InstalledImage, reference: Reference, blobs: Blobs, records: Records): Promise<PushedImage> {
  const object = `image ${nameOf(reference)}`;
  if (reference.digest !== undefined && reference.digest !== image.manifestDigest) {
    const what = `the digest is that of an index, of which only the image ${image.manifestDigest} for this machine is here`;
    throw new PluginError('FAILED_PRECONDITION', what, { object, hint: 'push it by a tag' });
  }
  const bytes = await blobs.read(image.manifestDigest);
  const manifest = parseManifest(bytes, object);
  const parts = manifest.kind === 'manifest' ? [manifest.config, ...manifest.layers] : [];
  for (const { digest } of parts) {
    if (await blobs.has(digest)) continue;
    throw new PluginError('FAILED_PRECONDITION', `its blob ${digest} is not here`, { object, hint: 'pull it again, then push it' });
  }
  const repositories = await repositoriesOf(reference, records);
  return {
    manifest: { bytes, digest: image.manifestDigest, mediaType: mediaTypeOf(bytes) },
    blobs: parts,
    path: (digest) => blobs.path(digest),
    repositoryWith: (digest) => repositories.get(digest),
  };
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

/** OCI manifests need not name theirs. */
function mediaTypeOf(manifest: Buffer): string {
  const { mediaType } = JSON.parse(manifest.toString('utf8')) as { mediaType?: string };
  return mediaType ?? 'application/vnd.oci.image.manifest.v1+json';
}
