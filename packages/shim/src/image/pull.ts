import { PluginError } from '@berth/sdk/errors';
import { addImage } from './add-image.ts';
import { digestOf } from './digest.ts';
import { choosePlatform, parseManifest } from './manifest.ts';
import { nameOf, type Reference, repositoryOf } from './reference.ts';
import type { Registry } from './registry/registry.ts';
import type { SharedStore } from './shared-store.ts';

/** Brings the image that a registry has under the reference, or, of an index, the one for this machine; gives its id. */
export async function pullImage(store: SharedStore, reference: Reference, registry: Registry, signal: AbortSignal): Promise<string> {
  const bytes = await registry.manifest(reference.digest ?? reference.tag ?? '', signal);
  const object = `image ${nameOf(reference)}`;
  const found = parseManifest(bytes, object);
  const names = [...new Set([nameOf(reference), `${repositoryOf(reference)}@${digestOf(bytes)}`])];
  if (found.kind === 'manifest') return addImage(store, { manifestBytes: bytes, manifest: found, names }, registry, signal);

  const chosen = await registry.manifest(choosePlatform(found, object).digest, signal);
  const manifest = parseManifest(chosen, object);
  if (manifest.kind !== 'manifest')
    throw new PluginError('UNIMPLEMENTED', 'an index in an index', { object, hint: 'push one index of manifests' });
  return addImage(store, { manifestBytes: chosen, manifest, names }, registry, signal);
}
