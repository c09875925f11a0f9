import { open } from 'node:fs/promises';
import { type Duplex, PassThrough } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';

const defaultPieceSize = 64 * 1024;
const magics = { gzip: [0x1f, 0x8b], zstd: [0x28, 0xb5, 0x2f, 0xfd] };

type Compression = 'gzip' | 'zstd' | 'none';

/** By the first bytes of the file, not by a media type: archives and registries are known to name the wrong one. */
export async function compressionOf(path: string): Promise<Compression> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return compressionIn(buffer);
  } finally {
    await file.close();
  }
}

/** What the first bytes of a file say of it. */
export function compressionIn(head: Uint8Array): Compression {
  const matches = (magic: number[]) => magic.every((byte, index) => head[index] === byte);
  if (matches(magics.gzip)) return 'gzip';
  return matches(magics.zstd) ? 'zstd' : 'none';
}

/** A stream that takes the file's bytes and gives its uncompressed ones, in pieces of so many bytes. */
export async function decompressor(path: string, chunkSize = defaultPieceSize): Promise<Duplex> {
  const makers = {
    gzip: () => createGunzip({ chunkSize }),
    zstd: () => createZstdDecompress({ chunkSize }),
    none: () => new PassThrough(),
  };
  return makers[await compressionOf(path)]();
}
