import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PluginError } from '@berth/sdk/errors';
import { tryLock } from '../files/file-lock.ts';
import { explainFullDisk } from '../files/full-disk.ts';
import { newFileStream } from '../files/new-file-stream.ts';
import { ArchiveIndex } from './archive-index.ts';
import type { Descriptor } from './blobs.ts';
import { compressionIn, compressionOf, decompressor } from './compression.ts';
import { digestOf, Meter } from './digest.ts';
import type { BlobSource } from './install.ts';
import {
  choosePlatform,
  documentBytes,
  type Manifest,
  ociManifestType,
  type PlatformDescriptor,
  parseImageConfiguration,
  parseManifest,
} from './manifest.ts';

/** An image as it stands in an archive. */
interface ArchivedImage {
  manifestBytes: Buffer;
  manifest: Manifest;
  /** Of the manifest, and of the index that it was chosen from: what a name of the image may have for its digest. */
  digests: string[];
  /** References in full, as far as the archive names them. */
  names: string[];
}

interface Archive extends BlobSource {
  images: ArchivedImage[];
  /** Removes what was unpacked for reading. */
  close(): Promise<void>;
}

/** Opens an image archive: OCI image layout in a tar (image-spec image-layout.md) or `docker save`. A compressed one is unpacked under `scratch` first. */
export async function readArchive(source: string | Readable, scratch: string, signal: AbortSignal): Promise<Archive> {
  const object = typeof source === 'string' ? `archive ${source}` : 'archive from a stream';
  const plain = await seekable(source, scratch, signal).catch((error) => {
    throw PluginError.from(explainFullDisk(error, scratch, object), 'INVALID_ARGUMENT', {
      object,
      hint: 'give a file made by docker save, podman save or skopeo',
    });
  });
  try {
    const index = await ArchiveIndex.read(plain.path, object, signal);
    const { images, entryOf } = index.has('index.json') ? await readLayout(index, object) : await readDockerArchive(index, object);
    if (images.length === 0) throw unusable(object, 'it holds no image');
    return { images, open: ({ digest }, _signal, from) => index.open(entryOf(digest), from), close: plain.close };
  } catch (error) {
    await plain.close();
    throw error;
  }
}

interface Contents {
  images: ArchivedImage[];
  /** The archive's entry that holds a blob. */
  entryOf(digest: string): string;
}

/** A file to be read in any order: the archive itself, or else a copy of it under `scratch` that `close` removes. */
interface PlainFile {
  path: string;
  close(): Promise<void>;
}

async function seekable(source: string | Readable, scratch: string, signal: AbortSignal): Promise<PlainFile> {
  if (typeof source === 'string' && (await stat(source)).isFile()) return uncompressed(source, scratch, signal);
  const copy = await copied([typeof source === 'string' ? createReadStream(source) : source], scratch, signal);
  if ((await compressionOf(copy.path)) === 'none') return copy;
  try {
    return await uncompressed(copy.path, scratch, signal);
  } finally {
    await copy.close();
  }
}

async function uncompressed(path: string, scratch: string, signal: AbortSignal): Promise<PlainFile> {
  if ((await compressionOf(path)) === 'none') return { path, close: async () => undefined };
  const decompress = await decompressor(path);
  return copied([createReadStream(path), decompress], scratch, signal);
}

async function copied(stages: Readable[], scratch: string, signal: AbortSignal): Promise<PlainFile> {
  await mkdir(scratch, { recursive: true, mode: 0o700 });
  const path = join(scratch, `archive-${randomUUID()}`);
  // Held so that nobody takes the file for a leftover.
  const lock = tryLock(`${path}.lock`);
  const close = async () => {
    await rm(path, { force: true });
    lock?.release();
  };
  try {
    await pipeline([...stages, await newFileStream(path)] as unknown as NodeJS.ReadWriteStream[], { signal });
    return { path, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readLayout(index: ArchiveIndex, object: string): Promise<Contents> {
  const entryOf = (digest: string) => `blobs/${digest.replace(':', '/')}`;
  const top = parseManifest(await index.read('index.json'), object);
  if (top.kind !== 'index') throw unusable(object, 'its index.json is no index');
  const byDigest = Map.groupBy(top.manifests, ({ digest }) => digest);
  const images: ArchivedImage[] = [];
  for (const [digest, entries] of byDigest) {
    const read = (wanted: string) => readManifest(index, entryOf(wanted), wanted, object);
    images.push({ ...(await imageOf(digest, read, object)), names: entries.flatMap((entry) => namesOf(entry, object)) });
  }
  return { images, entryOf };
}

/** Of the manifest itself, or of this machine's where the digest is an index's. */
async function imageOf(digest: string, read: (digest: string) => Promise<Buffer>, object: string): Promise<Omit<ArchivedImage, 'names'>> {
  const bytes = await read(digest);
  const found = parseManifest(bytes, object);
  if (found.kind === 'manifest') return { manifestBytes: bytes, manifest: found, digests: [digest] };
  const chosen = choosePlatform(found, object).digest;
  const manifestBytes = await read(chosen);
  const manifest = parseManifest(manifestBytes, object);
  if (manifest.kind !== 'manifest') throw unusable(object, 'it has an index in an index');
  return { manifestBytes, manifest, digests: [chosen, digest] };
}

/** A pod may ask for an image by this digest: what comes under it has to have it. */
async function readManifest(index: ArchiveIndex, entry: string, digest: string, object: string): Promise<Buffer> {
  const bytes = await index.read(entry);
  const found = digestOf(bytes);
  if (found === digest) return bytes;
  throw unusable(object, `its file ${entry} has the digest ${found}`);
}

/** containerd and Docker write the full name into their own annotation, podman into the OCI one, where others put the tag alone. */
function namesOf({ annotations }: PlatformDescriptor, object: string): string[] {
  const annotation = (key: string): string => {
    const value: unknown = annotations?.[key] ?? '';
    if (typeof value === 'string') return value;
    throw unusable(object, `the annotation ${key} in its index.json is no text`);
  };
  const full = annotation('io.containerd.image.name');
  if (full) return [full];
  const name = annotation('org.opencontainers.image.ref.name');
  return /[/:]/.test(name) ? [name] : [];
}

interface DockerManifest {
  Config: string;
  RepoTags?: string[] | null;
  Layers: string[];
}

/** A docker archive has no manifest: one is made, whose layers are the files as they are. */
async function readDockerArchive(index: ArchiveIndex, object: string): Promise<Contents> {
  if (!index.has('manifest.json')) throw unusable(object, 'it has neither index.json nor manifest.json');
  const list = parseDockerManifests(await index.read('manifest.json'), object);
  const entries = new Map<string, string>();
  const images: ArchivedImage[] = [];
  for (const { Config, RepoTags, Layers } of list) {
    const configBytes = await index.read(Config);
    const { diffIds } = parseImageConfiguration(configBytes, object);
    const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(configBytes), size: configBytes.length };
    const layers: Descriptor[] = [];
    for (const [layer, name] of Layers.entries()) layers.push(await dockerLayer(index, name, diffIds[layer] ?? ''));
    entries.set(config.digest, Config);
    for (const [layer, name] of Layers.entries()) entries.set(layers[layer]?.digest ?? '', name);
    const manifestBytes = documentBytes({ schemaVersion: 2, mediaType: ociManifestType, config, layers });
    const manifest: Manifest = { kind: 'manifest', mediaType: ociManifestType, config, layers };
    images.push({ manifestBytes, manifest, digests: [digestOf(manifestBytes)], names: RepoTags ?? [] });
  }
  return { images, entryOf: (digest) => entries.get(digest) ?? digest };
}

/** A tar's digest is its diff id; that of a compressed one, as kaniko and ko put in, is told nowhere. */
async function dockerLayer(index: ArchiveIndex, name: string, diffId: string): Promise<Descriptor> {
  const mediaType = 'application/vnd.oci.image.layer.v1.tar';
  const size = index.size(name);
  const compression = compressionIn(await index.head(name));
  if (compression === 'none') return { mediaType, digest: diffId, size };
  const meter = new Meter();
  for await (const _ of meter.through(index.open(name)));
  return { mediaType: `${mediaType}+${compression}`, digest: meter.digest(), size };
}

function parseDockerManifests(bytes: Buffer, object: string): DockerManifest[] {
  try {
    const list: unknown = JSON.parse(bytes.toString());
    if (Array.isArray(list) && list.every(isDockerManifest)) return list;
  } catch {}
  throw unusable(object, 'its manifest.json is no list of images');
}

function isDockerManifest(value: unknown): value is DockerManifest {
  const { Config, RepoTags, Layers } = (value ?? {}) as Partial<Record<keyof DockerManifest, unknown>>;
  return typeof Config === 'string' && isTexts(RepoTags ?? []) && isTexts(Layers);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function unusable(object: string, what: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', what, {
    object,
    hint: 'give a file made by docker save, podman save, ctr images export or skopeo',
  });
}
