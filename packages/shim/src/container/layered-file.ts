import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { MergedLayers, mostLinks } from '../image/merged-layers.ts';

const maxBytes = 4 * 1024 * 1024;

/**
 * Reads a regular file of an image from its unpacked layers, topmost first, as overlayfs would show it; symbolic links are
 * resolved inside the image. Undefined if there is none, also where links go in circles. `object` names the container in errors.
 */
export async function readLayeredFile(layers: string[], path: string, object: string): Promise<string | undefined> {
  const merged = new MergedLayers(layers);
  const resolved = withoutLinks(merged, path);
  const stats = resolved === undefined ? undefined : merged.lstat(resolved);
  if (resolved === undefined || !stats?.isFile()) return undefined;
  if (stats.size > maxBytes) {
    throw new PluginError('RESOURCE_EXHAUSTED', `${path} of its image has ${stats.size} bytes`, {
      object,
      hint: `make it smaller than ${maxBytes}`,
    });
  }
  return readFile(merged.locate(resolved) ?? '', 'utf8');
}

/** Where a path of an image leads, links followed inside it: without a leading slash; undefined where there is nothing. */
export function resolveInLayers(layers: string[], path: string): string | undefined {
  return withoutLinks(new MergedLayers(layers), path);
}

/** The path with every symbolic link in it followed, without a leading slash; undefined where a part of it is missing. */
function withoutLinks(merged: MergedLayers, path: string): string | undefined {
  const left = names(path);
  let at = '';
  let links = 0;
  for (let name = left.shift(); name !== undefined; name = left.shift()) {
    if (name === '..') {
      at = posix.dirname(`/${at}`).slice(1);
      continue;
    }
    const next = posix.join(at, name);
    const stats = merged.lstat(next);
    if (!stats) return undefined;
    if (!stats.isSymbolicLink()) {
      at = next;
      continue;
    }
    if (++links > mostLinks) return undefined;
    const target = merged.readlink(next);
    if (target.startsWith('/')) at = '';
    left.unshift(...names(target));
  }
  return at;
}

function names(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}
