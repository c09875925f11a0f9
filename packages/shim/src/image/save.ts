import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { PluginError } from '@berth/sdk/errors';
import { nameOf, parseReference, type Reference, repositoryOf } from '@berth/sdk/image-reference';
import { absent } from '../files/absent.ts';
import { explainFullDisk } from '../files/full-disk.ts';
import { newFileStream } from '../files/new-file-stream.ts';
import { syncDirectory } from '../files/sync-directory.ts';
import { type ArchiveFile, writeArchive } from './archive-writer.ts';
import type { Descriptor } from './blobs.ts';
import { documentBytes, type Manifest } from './manifest.ts';
import { manifestOf, presentImage } from './present-image.ts';
import { meansId } from './records.ts';
import type { SharedStore } from './shared-store.ts';

/** `oci`: an OCI image layout. `docker`: the same with the `manifest.json` that `docker load` of any version reads, as `docker save` writes since 25. */
export const archiveFormats = ['oci', 'docker'] as const;

export type ArchiveFormat = (typeof archiveFormats)[number];

/** An image that is to be put into an archive. */
interface SavedImage {
  /** Of the manifest's bytes. */
  descriptor: Descriptor;
  manifest: Manifest;
  /** In full. */
  names: string[];
}

/** As `save` of LayeredImages. */
export async function saveImages(
  store: SharedStore,
  references: string[],
  output: string | Writable,
  format: ArchiveFormat,
  signal: AbortSignal,
): Promise<void> {
  const named = await Promise.all(references.map((reference) => savedImage(store, reference)));
  const byDigest = Map.groupBy(named, ({ descriptor }) => descriptor.digest).values();
  const images = [...byDigest].flatMap(([image, ...same]) =>
    image ? [{ ...image, names: [...new Set([image, ...same].flatMap(({ names }) => names))] }] : [],
  );
  const read = images.map(({ descriptor, manifest }) => ({ manifestDigest: descriptor.digest, manifest }));
  const files = archiveFiles(images, format, (digest) => store.blobs.path(digest));
  await store.reading(read, () => writeTo(output, files, signal));
}

/** A present image under the name that the reference is; under none where that is an id. */
async function savedImage(store: SharedStore, reference: string): Promise<SavedImage> {
  const image = await presentImage(store, reference);
  const { bytes, manifest } = await manifestOf(store, image, `image ${reference}`);
  const names = meansId(reference, image.id) ? [] : [archiveName(parseReference(reference), image.manifestDigest)];
  return { descriptor: { mediaType: manifest.mediaType, digest: image.manifestDigest, size: bytes.length }, manifest, names };
}

/** The store may know the image by the digest of an index, which the archive doesn't hold. */
function archiveName(reference: Reference, manifestDigest: string): string {
  return reference.digest === undefined ? nameOf(reference) : `${repositoryOf(reference)}@${manifestDigest}`;
}

/** The archive's files, each once: image-spec image-layout.md. `path` gives the file of a blob. */
function archiveFiles(images: SavedImage[], format: ArchiveFormat, path: (digest: string) => string): ArchiveFile[] {
  const blobs = images.flatMap(({ descriptor, manifest: { config, layers } }) => [descriptor, config, ...layers]);
  const files = new Map(blobs.map(({ digest, size }) => [digest, { name: blobName(digest), content: { path: path(digest), size } }]));
  const manifests = images.flatMap(indexEntries);
  return [
    { name: 'oci-layout', content: documentBytes({ imageLayoutVersion: '1.0.0' }) },
    { name: 'index.json', content: documentBytes({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests }) },
    ...(format === 'docker' ? [{ name: 'manifest.json', content: documentBytes(images.map(dockerManifest)) }] : []),
    ...files.values(),
  ];
}

/** containerd and Docker take the first annotation for the image's name, podman and skopeo the second. */
function indexEntries({ descriptor, names }: SavedImage): object[] {
  if (names.length === 0) return [descriptor];
  return names.map((name) => {
    const tag = /:([^:/@]+)$/.exec(name)?.[1];
    const annotations = { 'io.containerd.image.name': name, ...(tag !== undefined && { 'org.opencontainers.image.ref.name': tag }) };
    return { ...descriptor, annotations };
  });
}

/** Docker's image-spec v1.2, "Combined Image JSON + Filesystem Changeset Format". */
function dockerManifest({ manifest: { config, layers }, names }: SavedImage): object {
  return {
    Config: blobName(config.digest),
    RepoTags: names.filter((name) => !name.includes('@')),
    Layers: layers.map(({ digest }) => blobName(digest)),
  };
}

/** Writes an archive to a stream, or to a file that is there only once it is whole. */
async function writeTo(output: string | Writable, files: ArchiveFile[], signal: AbortSignal): Promise<void> {
  if (typeof output !== 'string') return writeArchive(files, output, signal);
  const object = `archive ${output}`;
  await checkDirectory(dirname(output), object);
  const target = await stat(output).catch(absent);
  if (target?.isDirectory()) throw new PluginError('INVALID_ARGUMENT', 'it is a directory', { object, hint: 'name a file in it' });
  // A device or pipe is written to, not replaced.
  if (target && !target.isFile()) return writeArchive(files, createWriteStream(output), signal);
  const partial = `${output}.${randomUUID()}.partial`;
  try {
    await writeArchive(files, await newFileStream(partial, { mode: 0o666, flush: true }), signal);
    await rename(partial, output);
    await syncDirectory(dirname(output));
  } catch (error) {
    await rm(partial, { force: true });
    throw PluginError.from(explainFullDisk(error, dirname(output), object), 'INTERNAL', { object });
  }
}

async function checkDirectory(directory: string, object: string): Promise<void> {
  const found = await stat(directory).catch(absent);
  if (found?.isDirectory()) return;
  const what = found ? `${directory} is no directory` : `there is no directory ${directory}`;
  throw new PluginError('NOT_FOUND', what, { object, hint: 'make it, or name a file in another one' });
}

function blobName(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}
