import { readFile } from 'node:fs/promises';
import { neverAborted } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';
import { ifThere } from '@berth/sdk/if-there';
import { unmount } from '@berth/sdk/mount';

const mountTable = '/proc/self/mountinfo';

/** The mount points at or below a directory, deepest first. Without procfs there are none. */
export async function mountsBelow(directory: string): Promise<string[]> {
  // Only a table that isn't there says that nothing is mounted: what is taken for unmounted may be removed with all that it holds.
  const table = (await ifThere(mountTable, readFile(mountTable, 'utf8'))) ?? '';
  return table
    .split('\n')
    .map((line) => unescaped(line.split(' ')[4] ?? ''))
    .filter((path) => path === directory || path.startsWith(`${directory}/`))
    .toSorted((a, b) => b.length - a.length);
}

/**
 * Unmounts what is mounted at or below a directory, deepest first. Throws FAILED_PRECONDITION, naming it, if something stays mounted. A file
 * system that hangs is waited for until `signal` aborts.
 */
export async function unmountBelow(directory: string, signal?: AbortSignal): Promise<void> {
  const mounts = await mountsBelow(directory);
  const problems: string[] = [];
  for (const path of mounts) problems.push(...(await unmountProblem(path, signal)));
  if (mounts.length === 0 || (problems.length === 0 && (await mountsBelow(directory)).length === 0)) return;
  const [still = directory] = await mountsBelow(directory);
  throw new PluginError('FAILED_PRECONDITION', problems[0] ?? 'it is still mounted', {
    object: still,
    hint: 'end what uses it; it is tried again',
  });
}

async function unmountProblem(path: string, signal = neverAborted): Promise<string[]> {
  try {
    await unmount(path, signal);
    return [];
  } catch (thrown) {
    signal.throwIfAborted();
    return [PluginError.from(thrown).what];
  }
}

/** mountinfo writes blanks and backslashes in octal. */
export function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
