import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { absent } from '../files/absent.ts';
import { tryLock } from '../files/file-lock.ts';
import { namesIn } from '../files/names-in.ts';

/** A blob that came in part, by its digest: the next pull goes on from it. */
const partialBlob = /^[0-9a-f]{64}$/;

/**
 * Removes what processes that died left in the folder of things not yet whole; partial blobs once nobody has written to
 * them for `spareMs`. What somebody still works on has its lock held, and stays.
 */
export async function removeLeftovers(incoming: string, spareMs: number): Promise<void> {
  const names = new Set((await namesIn(incoming)).map((name) => name.replace(/\.lock$/, '')));
  for (const name of names) {
    const path = join(incoming, name);
    const lock = tryLock(`${path}.lock`);
    if (!lock) continue;
    try {
      if (!partialBlob.test(name) || (await isOlder(path, spareMs))) await rm(path, { recursive: true, force: true });
    } finally {
      lock.release();
    }
  }
}

async function isOlder(path: string, ms: number): Promise<boolean> {
  const found = await stat(path).catch(absent);
  return found !== undefined && Date.now() - found.mtimeMs >= ms;
}
