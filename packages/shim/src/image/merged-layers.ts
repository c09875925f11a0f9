import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { syscalls } from '../syscalls.ts';

/** As many symbolic links as Linux follows in one path (path_resolution(7)). */
export const mostLinks = 40;

const opaqueAttribute = 'trusted.overlay.opaque';

/** Unpacked layers, seen as overlayfs would merge them (overlayfs.rst, "whiteouts and opaque directories"). No symbolic link is ever followed. */
export class MergedLayers {
  readonly #directories: string[];

  /** Topmost first. */
  constructor(directories: string[]) {
    this.#directories = directories;
  }

  /** What a container on these layers would find at the path; undefined for nothing. */
  lstat(path: string): Stats | undefined {
    return this.#find(path)?.stats;
  }

  /** Where on this host that lies which `lstat` found: of a directory, its topmost part. */
  locate(path: string): string | undefined {
    return this.#find(path)?.at;
  }

  /** The target of a symbolic link that `lstat` found. */
  readlink(path: string): string {
    return readlinkSync(this.locate(path) ?? path);
  }

  #find(path: string): { stats: Stats; at: string } | undefined {
    for (const directory of this.#directories) {
      const { found, hidesBelow } = look(directory, path);
      if (found) return isWhiteout(found) ? undefined : { stats: found, at: join(directory, path) };
      if (hidesBelow) return undefined;
    }
    return undefined;
  }
}

/** A character device 0:0 hides what lower layers have at its place. */
export function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}

/** Hides all that lower layers have in a directory. */
export function makeOpaque(directory: string): void {
  syscalls().setAttribute(directory, opaqueAttribute, Buffer.from('y'));
}

function isOpaque(directory: string): boolean {
  return syscalls().getAttribute(directory, opaqueAttribute)?.[0] === 'y'.charCodeAt(0);
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
    hidesBelow ||= isOpaque(at);
  }
  return { hidesBelow };
}
