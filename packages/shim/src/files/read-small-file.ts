import { constants, open } from 'node:fs/promises';
import { PluginError } from '@berth/sdk/errors';

/** Reads a regular file of text; one that is larger than `mostBytes`, or no file (a device that never ends), is refused. */
export async function readSmallFile(path: string, mostBytes: number): Promise<string> {
  // Opening a pipe would wait for who writes to it.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = await file.stat();
    if (!status.isFile()) throw new PluginError('INVALID_ARGUMENT', 'it is no regular file', { object: path });
    if (status.size > mostBytes) {
      throw new PluginError('RESOURCE_EXHAUSTED', `it has ${status.size} bytes, more than ${mostBytes}`, { object: path });
    }
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
