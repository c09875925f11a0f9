import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

/** What files take of their file system. */
export interface DiskSpace {
  /** Blocks allocated, in bytes. */
  bytes: number;
  inodes: number;
}

/** Directories that are looked through before other work gets its turn. */
const directoriesAtOnce = 100;

/** Of all that lies below a directory on its file system, and itself; files of several names once. What vanishes meanwhile counts nothing. */
export async function spaceBelow(directory: string): Promise<DiskSpace> {
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
  for (let seen = 1; ; seen++) {
    const next = left.pop();
    if (next === undefined) return total;
    if (!count(lstatSync(next, { throwIfNoEntry: false }))) continue;
    for (const entry of entriesOf(next)) {
      if (entry.isDirectory()) left.push(join(next, entry.name));
      else count(lstatSync(join(next, entry.name), { throwIfNoEntry: false }));
    }
    if (seen % directoriesAtOnce === 0) await setImmediate();
  }
}

export function spaceOf({ blocks }: Stats): DiskSpace {
  return { bytes: blocks * 512, inodes: 1 };
}

export function addSpace(total: DiskSpace, more: DiskSpace): void {
  total.bytes += more.bytes;
  total.inodes += more.inodes;
}

function entriesOf(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
