import { open } from 'node:fs/promises';

/** Brings a directory's entries to disk: a file made or renamed in it is still there after a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
