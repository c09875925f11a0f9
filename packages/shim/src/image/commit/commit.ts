import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { PluginError } from '@berth/sdk/errors';
import { parseReference, repositoryOf } from '@berth/sdk/image-reference';
import { tryLock } from '../../files/file-lock.ts';
import { explainFullDisk } from '../../files/full-disk.ts';
import { newFileStream } from '../../files/new-file-stream.ts';
import { addImage } from '../add-image.ts';
import type { Descriptor } from '../blobs.ts';
import { digestOf, Meter } from '../digest.ts';
import { documentBytes, longestManifest, type Manifest, ociManifestType, parseManifest } from '../manifest.ts';
import type { SharedStore } from '../shared-store.ts';
import { newTag } from '../tags.ts';
import { applyChanges, type ChangeableConfig } from './changes.ts';
import { type UpperLayer, upperLayerTar } from './upper-layer.ts';

/** A container's image, and what it wrote above it. */
export interface WrittenContainer {
  /** `container web (3f2a…)`. */
  object: string;
  imageId: string;
  layer: UpperLayer;
}

export interface CommitOptions {
  author?: string;
  message?: string;
  /** Instructions as a Dockerfile has them; see changes.ts. */
  changes?: string[];
}

export interface CommittedImage {
  id: string;
  /** In full. */
  name: string;
}

interface LayerFile extends Descriptor {
  path: string;
  diffId: string;
}

/** The parts of an image configuration that a commit changes (image-spec config.md). */
interface Configuration {
  created?: string;
  author?: string;
  config?: ChangeableConfig;
  rootfs: { type: string; diff_ids: string[] };
  history?: { created?: string; created_by?: string; author?: string; comment?: string; empty_layer?: boolean }[];
}

const configType = 'application/vnd.oci.image.config.v1+json';
const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip';

/** Docker's names for the layers of an image whose manifest is to be OCI's. */
const ociLayerTypes: Record<string, string> = {
  'application/vnd.docker.image.rootfs.diff.tar': 'application/vnd.oci.image.layer.v1.tar',
  'application/vnd.docker.image.rootfs.diff.tar.gzip': layerType,
  'application/vnd.docker.image.rootfs.diff.tar.zstd': 'application/vnd.oci.image.layer.v1.tar+zstd',
};

/**
 * Makes a new image of a container's image and a layer of what the container wrote above it. The container's own command,
 * environment and mounts don't come in: a pod's are full of what belongs to its node, secrets too.
 */
export async function commitContainer(
  store: SharedStore,
  container: WrittenContainer,
  name: string,
  options: CommitOptions,
  signal: AbortSignal,
): Promise<CommittedImage> {
  const tag = newTag(name);
  const { object } = container;
  const base = await readBase(store, container);
  applyChanges(base.configuration.config ?? {}, options.changes ?? []);
  return store.leasing([base], () =>
    withLayer(store, container, signal, async (layer) => {
      const configBytes = documentBytes(changed(base.configuration, layer.diffId, options));
      if (configBytes.length > longestManifest) {
        throw new PluginError('INVALID_ARGUMENT', `its image's configuration would have ${configBytes.length} bytes`, { object });
      }
      const config = { mediaType: configType, digest: digestOf(configBytes), size: configBytes.length };
      const { path, diffId, ...descriptor } = layer;
      const layers = [...base.manifest.layers.map(asOci), descriptor];
      const manifestBytes = documentBytes({ schemaVersion: 2, mediaType: ociManifestType, config, layers });
      const names = [tag, `${repositoryOf(parseReference(name))}@${digestOf(manifestBytes)}`];
      const source = {
        open: ({ digest }: Descriptor, _: AbortSignal, start = 0) =>
          digest === config.digest ? Readable.from([configBytes.subarray(start)]) : createReadStream(path, { start }),
      };
      const id = await addImage(
        store,
        { manifestBytes, manifest: { kind: 'manifest', mediaType: ociManifestType, config, layers }, names },
        source,
        signal,
      );
      return { id, name: tag };
    }),
  );
}

interface Base {
  manifestDigest: string;
  manifest: Manifest;
  configuration: Configuration;
}

async function readBase({ records, blobs }: SharedStore, { imageId, object }: WrittenContainer): Promise<Base> {
  const image = await records.find(imageId);
  const manifest = image && parseManifest(await blobs.read(image.manifestDigest), `image ${imageId}`);
  if (manifest?.kind !== 'manifest') {
    throw new PluginError('NOT_FOUND', `its image ${imageId} is not in this store`, { object, hint: 'name the --root of its node' });
  }
  const configuration = JSON.parse((await blobs.read(imageId)).toString('utf8')) as Configuration;
  return { manifestDigest: image?.manifestDigest ?? '', manifest, configuration };
}

/** Hands `use` the container's layer as a file, which is gone afterwards. */
async function withLayer<T>(
  store: SharedStore,
  { layer, object }: WrittenContainer,
  signal: AbortSignal,
  use: (layer: LayerFile) => Promise<T>,
): Promise<T> {
  await mkdir(store.incoming, { recursive: true, mode: 0o700 });
  const path = join(store.incoming, `commit-${randomUUID()}`);
  // Held so that nobody takes the file for a leftover.
  const lock = tryLock(`${path}.lock`);
  try {
    const file = await newFileStream(path);
    const [plain, compressed] = [new Meter(), new Meter()];
    const stages = [
      upperLayerTar(layer),
      (chunks: AsyncIterable<Uint8Array>) => plain.through(chunks),
      createGzip(),
      (chunks: AsyncIterable<Uint8Array>) => compressed.through(chunks),
      file,
    ] as const;
    await pipeline(...stages, { signal }).catch((error) => {
      throw PluginError.from(explainFullDisk(error, store.directory, object), 'INTERNAL', { object });
    });
    return await use({ path, diffId: plain.digest(), mediaType: layerType, digest: compressed.digest(), size: compressed.bytes });
  } finally {
    await rm(path, { force: true });
    lock?.release();
  }
}

function changed(base: Configuration, diffId: string, { author, message, changes = [] }: CommitOptions): Configuration {
  const created = new Date().toISOString();
  const made = {
    created,
    created_by: 'berth image commit',
    ...(author !== undefined && { author }),
    ...(message !== undefined && { comment: message }),
  };
  return {
    ...base,
    created,
    ...(author !== undefined && { author }),
    config: applyChanges(base.config ?? {}, changes),
    rootfs: { ...base.rootfs, diff_ids: [...base.rootfs.diff_ids, diffId] },
    history: [...(base.history ?? []), made],
  };
}

function asOci(layer: Descriptor): Descriptor {
  return { ...layer, mediaType: ociLayerTypes[layer.mediaType] ?? layer.mediaType };
}
