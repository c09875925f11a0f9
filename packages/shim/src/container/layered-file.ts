import type { Stats } from 'node:fs';
import { lstat, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { syscalls } from '../syscalls.ts';

/** As many as the kernel follows (path_resolution(7)). */
const maxLinks = 40;
const maxBytes = 4 * 1024 * 1024;

/** What stands at a name in a stack of layers: a directory in each layer that takes part in it, or something else in one. */
type Entry = { kind: 'directory'; layers: string[] } | { kind: 'other'; path: string; stats: Stats };

/**
 * Reads a regular file of an image from its unpacked layers, topmost first, as overlayfs would show it: whiteouts and
 * opaque directories hide what is below, and symbolic links are resolved inside the image. Undefined if there
 * is none, also where links go in circles.
 */
export async function readLayeredFile(layers: string[], path: string, object: string): Promise<string | undefined> {
  const found = await resolve({ kind: 'directory', layers }, path);
  if (found?.kind !== 'other' || !found.stats.isFile()) return undefined;
  if (found.stats.size > maxBytes) {
    throw new PluginError('RESOURCE_EXHAUSTED', `${path} of its image has ${found.stats.size} bytes`, {
      object,
      hint: `make it smaller than ${maxBytes}`,
    });
  }
  return readFile(found.path, 'utf8');
}

async function resolve(root: Entry, path: string): Promise<Entry | undefined> {
  const left = names(path);
  let trail: Entry[] = [root];
  let links = 0;
  for (let name = left.shift(); name !== undefined; name = left.shift()) {
    if (name === '..') {
      trail = trail.length > 1 ? trail.slice(0, -1) : trail;
      continue;
    }
    const parent = trail.at(-1);
    const entry = parent?.kind === 'directory' ? await lookUp(parent.layers, name) : undefined;
    if (!entry) return undefined;
    if (entry.kind === 'directory' || !entry.stats.isSymbolicLink()) {
      trail.push(entry);
      continue;
    }
    if (++links > maxLinks) return undefined;
    const target = await readlink(entry.path);
    if (target.startsWith('/')) trail = [root];
    left.unshift(...names(target));
  }
  return trail.at(-1);
}

function names(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

async function lookUp(layers: string[], name: string): Promise<Entry | undefined> {
  const directories: string[] = [];
  for (const path of layers.map((layer) => join(layer, name))) {
    const stats = await lstat(path).catch(() => undefined);
    if (!stats) continue;
    if (!stats.isDirectory()) {
      if (directories.length > 0 || isWhiteout(stats)) break;
      return { kind: 'other', path, stats };
    }
    directories.push(path);
    if (isOpaque(path)) break;
  }
  return directories.length > 0 ? { kind: 'directory', layers: directories } : undefined;
}

/** overlayfs: a character device 0:0 hides the name below. */
function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}

function isOpaque(directory: string): boolean {
  return syscalls().getAttribute(directory, 'trusted.overlay.opaque')?.[0] === 'y'.charCodeAt(0);
}
