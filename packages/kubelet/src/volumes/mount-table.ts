import { readFile } from 'node:fs/promises';
import { runProgram } from '../run-program.ts';

/** The mount points at or below a directory, deepest first. Without procfs there are none. */
export async function mountsBelow(directory: string): Promise<string[]> {
  const table = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  return table
    .split('\n')
    .map((line) => unescaped(line.split(' ')[4] ?? ''))
    .filter((path) => path === directory || path.startsWith(`${directory}/`))
    .toSorted((a, b) => b.length - a.length);
}

/** Unmounts what is mounted at or below a directory, deepest first. */
export async function unmountBelow(directory: string, signal: AbortSignal): Promise<void> {
  for (const path of await mountsBelow(directory)) await runProgram('umount', [path], signal);
}

/** mountinfo writes blanks and backslashes in octal. */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
