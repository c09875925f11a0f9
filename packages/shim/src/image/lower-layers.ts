import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { syscalls } from '../syscalls.ts';

export const opaqueAttribute = 'trusted.overlay.opaque';

/** The unpacked layers below one that is being written, seen as overlayfs would merge them. No symbolic link is ever followed. */
export class LowerLayers {
  readonly #directories: string[];

  /** Topmost first. */
  constructor(directories: string[]) {
    this.#directories = directories;
  }

  /** What a container on these layers would find at the path; undefined for nothing. */
  lstat(path: string): Stats | undefined {
    for (const directory of this.#directories) {
      const { found, hidesBelow } = look(directory, path);
      if (found) return isWhiteout(found) ? undefined : found;
      if (hidesBelow) return undefined;
    }
    return undefined;
  }

  /** The target of a symbolic link that `lstat` found. */
  readlink(path: string): string {
    const directory = this.#directories.find((lower) => look(lower, path).found);
    return readlinkSync(join(directory ?? '', path));
  }
}

export function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}

/** Goes down one part at a time, so that a link in the way ends the search instead of leading out of the layer. */
function look(directory: string, path: string): { found?: Stats; hidesBelow: boolean } {
  const parts = path.split('/');
  let hidesBelow = false;
  for (let depth = 1; depth <= parts.length; depth++) {
    const at = join(directory, ...parts.slice(0, depth));
    const found = lstatSync(at, { throwIfNoEntry: false });
    if (!found) return { hidesBelow };
    if (depth === parts.length) return { found, hidesBelow };
    if (!found.isDirectory()) return { hidesBelow: true };
    hidesBelow ||= syscalls().getAttribute(at, opaqueAttribute) !== undefined;
  }
  return { hidesBelow };
}
