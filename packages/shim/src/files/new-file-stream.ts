import { open } from 'node:fs/promises';
import type { Writable } from 'node:stream';

interface NewFileOptions {
  mode?: number;
  /** Whether the stream's end waits for the disk. */
  flush?: boolean;
}

/**
 * A stream into a new file, which is there once this resolves. One that opens its file itself may make it after its caller has failed and removed
 * what there was. Rejects with the file system's error, EEXIST where there is such a file.
 */
export async function newFileStream(path: string, { mode = 0o600, flush = false }: NewFileOptions = {}): Promise<Writable> {
  return (await open(path, 'wx', mode)).createWriteStream({ flush });
}
