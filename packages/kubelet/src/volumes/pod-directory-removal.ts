import { rm } from 'node:fs/promises';
import { unmountBelow } from './mount-table.ts';

/** Removes a pod's directory once nothing is mounted below it any more; a mount that stays keeps all of it, so that nothing outside is removed. */
export async function removePodDirectory(directory: string, signal: AbortSignal): Promise<void> {
  await unmountBelow(directory, signal);
  await rm(directory, { recursive: true, force: true });
}
