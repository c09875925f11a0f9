import { constants, open } from 'node:fs/promises';
import { PluginError } from '@berth/sdk/errors';

/** kubelet's (pkg/kubelet/config, maxConfigLength), in bytes; of what is longer no more is read. */
export const longestManifest = 10 * 1024 * 1024;

/** The text of a manifest file. INVALID_ARGUMENT for a pipe or a device, OUT_OF_RANGE for a file of more than `longestManifest`. */
export async function readManifestFile(path: string): Promise<string> {
  // Opening a pipe would wait for who writes to it.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const status = await file.stat();
    // A directory is told of by the read.
    if (!status.isFile() && !status.isDirectory()) {
      throw new PluginError('INVALID_ARGUMENT', 'it is no regular file', { object: path, hint: 'put one in its place, or remove it' });
    }
    return await manifestText(file.createReadStream({ autoClose: false }), {
      object: path,
      hint: 'spread what it holds over several files, or remove it',
    });
  } finally {
    await file.close();
  }
}

/** All of it as text. OUT_OF_RANGE, with this object and hint, if it is more than `longestManifest`. */
export async function manifestText(chunks: AsyncIterable<Uint8Array>, told: { object: string; hint: string }): Promise<string> {
  const read: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > longestManifest) throw new PluginError('OUT_OF_RANGE', `it is longer than ${longestManifest} bytes`, told);
    read.push(chunk);
  }
  return Buffer.concat(read).toString('utf8');
}
