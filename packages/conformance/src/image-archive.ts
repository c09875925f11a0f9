import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';

/** A layer as it lies on disk, ready to be put into an archive. */
export interface LayerFile {
  path: string;
  digest: string;
  diffId: string;
  size: number;
}

export interface ArchiveFile {
  name: string;
  content: Buffer | LayerFile;
}

/** image-spec image-layout.md; the annotations are those by which containerd and `docker load` find an image's name. */
export function ociFiles(names: string[], config: Buffer, manifest: Buffer, layers: LayerFile[]): ArchiveFile[] {
  const manifests = names.map((name) => ({
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: digestOf(manifest),
    size: manifest.length,
    annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1) },
  }));
  const blobs = [
    { name: blobName(digestOf(manifest)), content: manifest },
    { name: blobName(digestOf(config)), content: config },
    ...layers.map((layer) => ({ name: blobName(layer.digest), content: layer })),
  ];
  return [
    { name: 'oci-layout', content: json({ imageLayoutVersion: '1.0.0' }) },
    { name: 'index.json', content: json({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests }) },
    ...new Map(blobs.map((blob) => [blob.name, blob])).values(),
  ];
}

function blobName(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

/** Docker's image-spec v1.2, the part that its successors still read: `manifest.json`, configuration and layer tars. */
export function dockerFiles(names: string[], config: Buffer, layers: LayerFile[]): ArchiveFile[] {
  const configName = `${digestOf(config).slice('sha256:'.length)}.json`;
  const layerNames = layers.map(({ diffId }) => `${diffId.slice('sha256:'.length)}/layer.tar`);
  const files = layers.map((layer, index) => ({ name: layerNames[index] ?? '', content: layer }));
  return [
    { name: configName, content: config },
    ...new Map(files.map((file) => [file.name, file])).values(),
    { name: 'manifest.json', content: json([{ Config: configName, RepoTags: names, Layers: layerNames }]) },
  ];
}

/** Writes the files as an uncompressed tar, in their order. */
export async function writeArchive(path: string, files: ArchiveFile[]): Promise<void> {
  const archive = pack();
  const writing = pipeline(archive as AsyncIterable<Buffer>, createWriteStream(path));
  const filling = (async () => {
    for (const { name, content } of files) {
      const header = { name, mode: 0o644, mtime: new Date(0) };
      if (Buffer.isBuffer(content)) archive.entry(header, content);
      else await pipeline(createReadStream(content.path), archive.entry({ ...header, size: content.size }) as unknown as Writable);
    }
    archive.finalize();
  })().catch((error: Error) => archive.destroy(error));
  await Promise.all([writing, filling]);
}

export function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
