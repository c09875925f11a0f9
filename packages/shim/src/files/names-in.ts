import { readdir } from 'node:fs/promises';
import { absent } from './absent.ts';

/** The names in a directory; none where it isn't there. */
export async function namesIn(directory: string): Promise<string[]> {
  return (await readdir(directory).catch(absent)) ?? [];
}
