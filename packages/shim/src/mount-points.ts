import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { unmount } from '@berth/sdk/mount';

/** Unmounts those of `paths` that are mount points; with `recursive`, what is mounted below them first. */
export async function unmountIfMounted(paths: string[], signal: AbortSignal, { recursive = false } = {}): Promise<void> {
  const below = recursive ? await mountPointsBelow(paths) : [];
  for (const path of [...below, ...paths]) await unmount(path, signal);
}

/** The deepest first. */
async function mountPointsBelow(paths: string[]): Promise<string[]> {
  const points = [...(await mountPoints())];
  return points.filter((point) => paths.some((path) => point.startsWith(`${path}/`))).toSorted((a, b) => b.length - a.length);
}

const mountTable = '/proc/self/mountinfo';

/** Every mount point that this process sees (proc_pid_mountinfo(5)); none where there is no such file. */
export async function mountPoints(): Promise<Set<string>> {
  return parse(await readFile(mountTable, 'utf8').catch(() => ''));
}

/** The same at once, for what has to be done before this process ends. */
export function mountPointsSync(): Set<string> {
  return parse(existsSync(mountTable) ? readFileSync(mountTable, 'utf8') : '');
}

function parse(table: string): Set<string> {
  return new Set(table.split('\n').flatMap((line) => unescapeOctal(line.split(' ')[4] ?? '') || []));
}

/** Blanks and backslashes are written as three octal digits. */
export function unescapeOctal(text: string): string {
  return text.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
