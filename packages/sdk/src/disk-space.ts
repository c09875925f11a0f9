import { type Dir, type Dirent, lstatSync, opendirSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

/** What files take of their file system. */
export interface DiskSpace {
  /** Blocks allocated, in bytes. */
  bytes: number;
  inodes: number;
}

/** Entries that are looked at before other work gets its turn: a few milliseconds. */
const entriesAtOnce = 1000;

/**
 * Of all that lies below a directory on its file system, and itself; files of several names once. What vanishes meanwhile counts nothing.
 * Throws the reason of `signal` once that is aborted.
 */
export async function spaceBelow(directory: string, signal?: AbortSignal): Promise<DiskSpace> {
  const total: DiskSpace = { bytes: 0, inodes: 0 };
  const linked = new Set<number>();
  const root = lstatSync(directory);
  const count = (stats: Stats | undefined): boolean => {
    if (stats?.dev !== root.dev) return false;
    if (stats.nlink > 1 && !stats.isDirectory()) {
      if (linked.has(stats.ino)) return false;
      linked.add(stats.ino);
    }
    addSpace(total, spaceOf(stats));
    return true;
  };
  const left = [directory];
  let seen = 0;
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (!count(lstatSync(next, { throwIfNoEntry: false }))) continue;
    for (const entry of entriesOf(next)) {
      if (entry.isDirectory()) left.push(join(next, entry.name));
      else count(lstatSync(join(next, entry.name), { throwIfNoEntry: false }));
      if (++seen % entriesAtOnce === 0) await setImmediate();
      signal?.throwIfAborted();
    }
  }
  return total;
}

export function spaceOf({ blocks }: Stats): DiskSpace {
  return { bytes: blocks * 512, inodes: 1 };
}

export function addSpace(total: DiskSpace, more: DiskSpace): void {
  total.bytes += more.bytes;
  total.inodes += more.inodes;
}

/** One after another, since a directory may have millions. */
function* entriesOf(directory: string): Generator<Dirent> {
  const opened = openDirectory(directory);
  if (!opened) return;
  try {
    for (let entry = opened.readSync(); entry; entry = opened.readSync()) yield entry;
  } finally {
    opened.closeSync();
  }
}

function openDirectory(directory: string): Dir | undefined {
  try {
    return opendirSync(directory, { bufferSize: entriesAtOnce });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
