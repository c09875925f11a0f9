import { removeTree } from '../volumes/pod-directory-removal.ts';
import type { ActionContext } from './action-context.ts';

/** Removes the logs of a pod that has ended and that nobody can ask about any more. */
export async function removeLogs({ pod, directories }: ActionContext): Promise<void> {
  await removeTree(directories.logDirectory(pod));
}
