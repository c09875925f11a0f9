import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removeLocked } from '../files/file-lock.ts';
import { namesIn } from '../files/names-in.ts';

/** Removes what processes that died left in `incoming`. What somebody still works on has its lock held, and stays. */
export async function removeLeftovers(incoming: string): Promise<void> {
  const names = new Set((await namesIn(incoming)).map((name) => name.replace(/\.lock$/, '')));
  for (const name of names) {
    const path = join(incoming, name);
    await removeLocked(`${path}.lock`, () => rm(path, { recursive: true, force: true }));
  }
}
