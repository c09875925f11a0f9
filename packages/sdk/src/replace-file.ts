import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export interface ReplaceFileOptions {
  mode: number;
  /** Of directories that are made. */
  directoryMode: number;
  /** Whether it holds after a crash of the host too, which takes the disk's time; by default. */
  flush?: boolean;
}

/** What a file is written as before it takes its place; one that a crash has left is overwritten by the next. */
const unfinishedPattern = /^\..+\.new$/;

/**
 * Replaces a file as a whole, and makes its directory: who reads it sees the old text or the new one. Of one file only one call runs at a time.
 * Rejects with the file system's error, and leaves the old text then.
 */
export async function replaceFile(path: string, text: string, { mode, directoryMode, flush = true }: ReplaceFileOptions): Promise<void> {
  const unfinished = unfinishedOf(path);
  try {
    await mkdir(dirname(path), { recursive: true, mode: directoryMode });
    await writeFile(unfinished, text, { mode, flush });
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Removes such a file, if there is one, with what a crash has left of another that was to take its place. */
export async function removeReplacedFile(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(unfinishedOf(path), { force: true }).catch(() => undefined);
}

function unfinishedOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.new`);
}

/** Is it the name of a file that `replaceFile` hasn't put into its place yet, or never will? */
export function isUnfinished(name: string): boolean {
  return unfinishedPattern.test(name);
}
