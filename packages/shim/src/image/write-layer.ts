import { createReadStream } from 'node:fs';
import { chmod, mkdtemp, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PluginError } from '@berth/sdk/errors';
import { syscalls } from '../syscalls.ts';
import { decompressor } from './compression.ts';
import { Meter } from './digest.ts';
import { freePiece } from './free-piece.ts';
import { readEntry } from './layer-entry.ts';
import { LayerWriter } from './layer-writer.ts';
import { TarParser } from './tar-parser.ts';
import { Writeback } from './writeback.ts';

const pieceSize = 128 * 1024;

export interface LayerSource {
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

/** What `unpackLayer` does, in the calling thread. It writes by system calls that block, and lets others in between two pieces. */
export async function writeLayer(source: LayerSource, target: string, signal: AbortSignal): Promise<UnpackedSize> {
  await makeApart(target);
  const { size, diffId } = await writeEntries(source, target, signal);
  if (diffId === source.diffId) return size;
  throw new PluginError('DATA_LOSS', `its content has the digest ${diffId}`, {
    hint: 'the image is corrupt: push it again from its source',
  });
}

/**
 * Makes the directory in a part of the disk of its own. ext4 puts a new file near its directory and looks, inode by inode, past those
 * deleted in the last minutes: where an image of 10,000 files was removed lately, unpacking one beside it takes 8 s instead of 1.
 */
async function makeApart(target: string): Promise<void> {
  syscalls().spreadDirectories(dirname(target));
  // The place is chosen by the name.
  const made = await mkdtemp(`${target}-`);
  await chmod(made, 0o755);
  await rename(made, target);
}

async function writeEntries(source: LayerSource, target: string, signal: AbortSignal): Promise<{ size: UnpackedSize; diffId: string }> {
  const decompress = await decompressor(source.blob, pieceSize);
  const meter = new Meter();
  const writer = new LayerWriter(target, source.lowers);
  const writeback = new Writeback(target);
  const tar = new TarParser({
    begin: (header) => writer.begin(readEntry(header)),
    content: (piece) => writer.content(piece),
    end: () => writer.end(),
  });
  const write = async (pieces: AsyncIterable<Buffer>) => {
    for await (const piece of meter.through(pieces)) {
      signal.throwIfAborted();
      tar.write(piece as Buffer);
      writeback.written(piece.length);
      freePiece(piece);
    }
    tar.end();
    writer.finish();
  };
  try {
    await pipeline(createReadStream(source.blob, { highWaterMark: pieceSize }), decompress, write, { signal });
  } catch (error) {
    throw explainDecompression(error);
  } finally {
    writer.close();
    await writeback.end();
  }
  return { size: { bytes: writer.bytes, inodes: writer.inodes }, diffId: meter.digest() };
}

function explainDecompression(error: unknown): unknown {
  const { code = '', message } = (error ?? {}) as NodeJS.ErrnoException;
  if (!/^(Z|ZSTD)_/.test(code)) return error;
  return new PluginError('DATA_LOSS', `it can't be decompressed: ${message}`, {
    hint: 'the image is broken at its source: push it again',
    cause: error,
  });
}
