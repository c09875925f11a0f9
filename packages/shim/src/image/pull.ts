import { PluginError } from '@berth/sdk/errors';
import { nameOf, type Reference, repositoryOf } from '@berth/sdk/image-reference';
import { addImage } from './add-image.ts';
import { digestOf } from './digest.ts';
import { choosePlatform, parseManifest } from './manifest.ts';
import type { Registry } from './registry/registry.ts';
import type { SharedStore } from './shared-store.ts';

/** An index may hold others (image-spec image-index.md); nobody needs many. */
const mostIndexes = 3;

/** Brings the image that a registry has under the reference, or, of an index, the one for this machine; gives its id. */
export async function pullImage(store: SharedStore, reference: Reference, registry: Registry, signal: AbortSignal): Promise<string> {
  const bytes = await registry.manifest(reference.digest ?? reference.tag ?? '', signal);
  const object = `image ${nameOf(reference)}`;
  const names = [...new Set([nameOf(reference), `${repositoryOf(reference)}@${digestOf(bytes)}`])];
  return addImage(store, { ...(await imageManifest(bytes, object, registry, signal)), names }, registry, signal);
}

/** What an index leads to for this machine, however many indexes there are in between; a manifest itself as it is. */
async function imageManifest(bytes: Buffer, object: string, registry: Registry, signal: AbortSignal) {
  let manifestBytes = bytes;
  for (let indexes = 0; indexes <= mostIndexes; indexes++) {
    const manifest = parseManifest(manifestBytes, object);
    if (manifest.kind === 'manifest') return { manifestBytes, manifest };
    manifestBytes = await registry.manifest(choosePlatform(manifest, object).digest, signal);
  }
  throw new PluginError('INVALID_ARGUMENT', `its index leads through more than ${mostIndexes} others`, {
    object,
    hint: 'push one index of manifests',
  });
}
