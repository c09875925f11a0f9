import { Readable } from 'node:stream';
import { PluginError } from '@berth/sdk/errors';
import { syscalls } from '../syscalls.ts';
import type { Blobs, Descriptor } from './blobs.ts';
import { digestOf } from './digest.ts';
import type { ImageConfig } from './images.ts';
import { chainIdsOf, type Layer, type Layers } from './layers.ts';
import { longestManifest, type Manifest, parseImageConfiguration } from './manifest.ts';
import { refuseArtifact } from './refuse-artifact.ts';

/** Layers on the way at once: enough to fill a link, few enough to be fair to other pulls (containerd's default, too). */
const parallelDownloads = 3;

/** Where an image's blobs come from: a registry or an archive. */
export interface BlobSource {
  /** The blob's bytes, unchecked, behind the first `from` ones; an error in the stream names the source. */
  open(blob: Descriptor, signal: AbortSignal, from?: number): AsyncIterable<Uint8Array>;
  /** Whose bytes these are, for the error where they are wrong: `image a.example/app:1, from registry a.example`. */
  origin?(blob: Descriptor): string;
  /** Told that what `open` gave is wrong, and why: gives whether it is to be opened once more, from the beginning, to come from elsewhere. */
  reject?(blob: Descriptor, reason: string): boolean;
}

export interface InstalledImage {
  /** Digest of the configuration: the image's id. */
  id: string;
  config: ImageConfig;
  manifestDigest: string;
  /** Manifest, configuration and layers. */
  blobs: string[];
  /** Chain ids of its layers, lowest first. */
  layers: string[];
  /** Bytes of all its blobs. */
  size: number;
}

/** Where an image is brought to. */
interface InstallationPlace {
  blobs: Blobs;
  layers: Layers;
  /** Resolves when no collection of garbage goes on that may not know of a blob which is there now. */
  awaitCollection(): Promise<void>;
}

/** Brings a manifest's blobs into the store and unpacks its layers, each as soon as it and those below it are there. */
export async function installImage(
  manifestBytes: Buffer,
  manifest: Manifest,
  source: BlobSource,
  place: InstallationPlace,
  signal: AbortSignal,
): Promise<InstalledImage> {
  const { blobs, layers } = place;
  // What is read from sockets and files here would stay with the process as fragments of 30 MB.
  syscalls().returnLargeBlocks();
  const manifestDigest = digestOf(manifestBytes);
  refuseArtifact(manifest, `manifest ${manifestDigest}`);
  const add = (blob: Descriptor, within: AbortSignal) =>
    blobs.add(blob, (from) => source.open(blob, within, from), within, {
      origin: () => source.origin?.(blob),
      reject: (reason) => source.reject?.(blob, reason) ?? false,
    });
  await blobs.add({ digest: manifestDigest, size: manifestBytes.length }, (from) => Readable.from([manifestBytes.subarray(from)]), signal);
  if (manifest.config.size > longestManifest) {
    throw new PluginError('INVALID_ARGUMENT', `its configuration has ${manifest.config.size} bytes, more than ${longestManifest}`, {
      object: `manifest ${manifestDigest}`,
      hint: 'build the image with a smaller configuration',
    });
  }
  await add(manifest.config, signal);
  const { config, diffIds } = parseImageConfiguration(
    await blobs.read(manifest.config.digest),
    `image configuration ${manifest.config.digest}`,
  );
  if (diffIds.length !== manifest.layers.length) {
    throw new PluginError('DATA_LOSS', `it has ${manifest.layers.length} layers, but its configuration names ${diffIds.length}`, {
      object: `manifest ${manifestDigest}`,
      hint: 'the image is broken at its source: push it again',
    });
  }
  // A collection that began before the configuration was there doesn't know which unpacked layers are this image's.
  await place.awaitCollection();

  const unpacked: Layer[] = [];
  await inOrder(manifest.layers, parallelDownloads, signal, {
    fetch: add,
    take: async ({ digest }, index, within) => {
      unpacked.unshift(await layers.unpack(blobs.path(digest), diffIds[index] ?? '', [...unpacked], within));
    },
  });

  const parts = [{ digest: manifestDigest, size: manifestBytes.length }, manifest.config, ...manifest.layers];
  return {
    id: manifest.config.digest,
    config,
    manifestDigest,
    blobs: [...new Set(parts.map(({ digest }) => digest))],
    layers: unpacked.map(({ chainId }) => chainId).reverse(),
    size: parts.reduce((sum, { size }) => sum + size, 0),
  };
}

/** Digests and chain ids of what an installation of this manifest may have brought into the store before it failed. */
export async function partsOf(
  manifestDigest: string,
  { config, layers }: Manifest,
  blobs: Blobs,
): Promise<Pick<InstalledImage, 'blobs' | 'layers'>> {
  const digests = [manifestDigest, config.digest, ...layers.map(({ digest }) => digest)];
  // No layer is unpacked before the configuration, which names them, has come.
  const { diffIds } = (await blobs.has(config.digest))
    ? parseImageConfiguration(await blobs.read(config.digest), `image configuration ${config.digest}`)
    : { diffIds: [] };
  return { blobs: digests, layers: chainIdsOf(diffIds) };
}

interface Steps<T> {
  fetch(item: T, signal: AbortSignal): Promise<void>;
  take(item: T, index: number, signal: AbortSignal): Promise<void>;
}

/** Fetches up to `limit` items at once and takes them one by one in their order; a failure ends the rest before it is thrown. */
async function inOrder<T>(items: T[], limit: number, outer: AbortSignal, { fetch, take }: Steps<T>): Promise<void> {
  const failed = new AbortController();
  const signal = AbortSignal.any([outer, failed.signal]);
  const arrived = items.map(() => Promise.withResolvers<void>());
  for (const { promise } of arrived) promise.catch(() => undefined);

  const queue = items.entries();
  const fetchers = Array.from({ length: Math.min(limit, items.length) }, async () => {
    for (const [index, item] of queue) {
      const fetched = signal.aborted ? Promise.reject(signal.reason) : fetch(item, signal);
      await fetched.then(arrived[index]?.resolve, arrived[index]?.reject);
    }
  });
  try {
    for (const [index, item] of items.entries()) {
      await arrived[index]?.promise;
      await take(item, index, signal);
    }
  } catch (error) {
    failed.abort(error);
    throw error;
  } finally {
    await Promise.allSettled(fetchers);
  }
}
