import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { PluginError } from '@berth/sdk/errors';
import { decompressor } from './compression.ts';
import { Meter } from './digest.ts';
import { readEntry } from './layer-entry.ts';
import { LayerWriter } from './layer-writer.ts';
import { readTar } from './tar-reader.ts';

interface LayerSource {
  /** A tar, plain or compressed by gzip or zstd. */
  blob: string;
  /** Digest of the uncompressed tar, which the unpacked bytes have to have. */
  diffId: string;
  /** Unpacked layers below it, topmost first. */
  lowers: string[];
}

export interface UnpackedSize {
  /** Of the file contents. */
  bytes: number;
  inodes: number;
}

/**
 * Unpacks a layer into the new directory `target`, as a lower directory of overlayfs. Nothing is written outside it.
 * Memory stays bounded whatever the layer holds. On failure `target` is left half done, for the caller to remove.
 */
export async function unpackLayer(source: LayerSource, target: string, signal: AbortSignal): Promise<UnpackedSize> {
  const object = `layer ${source.diffId}`;
  if (process.getuid?.() !== 0) {
    throw new PluginError('PERMISSION_DENIED', 'unpacking needs root, for owners, devices and overlayfs attributes', {
      object,
      hint: 'run as root, or use --runtime fake',
    });
  }
  await mkdir(target, { mode: 0o755 });
  try {
    const { size, diffId } = await writeEntries(source, target, signal);
    if (diffId === source.diffId) return size;
    throw new PluginError('DATA_LOSS', `its content has the digest ${diffId}`, {
      hint: 'the image is corrupt: push it again from its source',
    });
  } catch (error) {
    throw named(error, object);
  }
}

async function writeEntries(source: LayerSource, target: string, signal: AbortSignal): Promise<{ size: UnpackedSize; diffId: string }> {
  const meter = new Meter();
  const writer = new LayerWriter(target, source.lowers);
  const transforms = [await decompressor(source.blob), (chunks: AsyncIterable<Buffer>) => meter.through(chunks)];
  // Opened last: a stream that nobody reads yet has nobody to take its error.
  await readTar(createReadStream(source.blob), transforms, (header, content) => writer.write(readEntry(header), content), signal);
  writer.finish();
  return { size: { bytes: writer.bytes, inodes: writer.inodes }, diffId: meter.digest() };
}

/** The layer's name in front; a system call's message names the file, and its code keeps its meaning. */
function named(thrown: unknown, object: string): PluginError {
  const error = PluginError.from(thrown, 'INVALID_ARGUMENT');
  return new PluginError(error.code, error.message, { object, cause: thrown });
}
