import { readFile } from 'node:fs/promises';
import { PluginError } from '@berth/sdk/errors';
import { systemCalls } from './system-calls.ts';

/** The mount points at or below a directory, deepest first. Without procfs there are none. */
export async function mountsBelow(directory: string): Promise<string[]> {
  const table = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  return table
    .split('\n')
    .map((line) => unescaped(line.split(' ')[4] ?? ''))
    .filter((path) => path === directory || path.startsWith(`${directory}/`))
    .toSorted((a, b) => b.length - a.length);
}

/** Unmounts what is mounted at or below a directory, deepest first. Throws FAILED_PRECONDITION, naming it, if something stays mounted. */
export async function unmountBelow(directory: string): Promise<void> {
  const mounts = await mountsBelow(directory);
  const problems: string[] = [];
  for (const path of mounts) problems.push(...(await unmountProblem(path)));
  if (mounts.length === 0 || (problems.length === 0 && (await mountsBelow(directory)).length === 0)) return;
  const [still = directory] = await mountsBelow(directory);
  throw new PluginError('FAILED_PRECONDITION', problems[0] ?? 'it is still mounted', {
    object: still,
    hint: 'end what uses it; it is tried again',
  });
}

async function unmountProblem(path: string): Promise<string[]> {
  try {
    await systemCalls().unmount(path);
    return [];
  } catch (thrown) {
    return [PluginError.from(thrown).what];
  }
}

/** mountinfo writes blanks and backslashes in octal. */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
