import { rm } from 'node:fs/promises';
import { unmountBelow } from './mount-table.ts';

/** Removes a pod's directory once nothing is mounted below it any more; a mount that stays keeps all of it, so that nothing outside is removed. */
export async function removePodDirectory(directory: string, signal: AbortSignal): Promise<void> {
  await unmountBelow(directory, signal);
  await removeTree(directory);
}

/** Removes a directory with all that is in it. Where none can be, as at a path that is too long for the file system, there is none. */
export async function removeTree(directory: string): Promise<void> {
  try {
    await rm(directory, { recursive: true, force: true });
  } catch (thrown) {
    const { code, path } = thrown as NodeJS.ErrnoException;
    if (path !== directory || (code !== 'ENAMETOOLONG' && code !== 'ENOTDIR')) throw thrown;
  }
}
