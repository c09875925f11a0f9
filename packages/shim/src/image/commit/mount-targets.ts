import { readdirSync } from 'node:fs';
import { join, posix } from 'node:path';
import { resolveInLayers } from '../../container/layered-file.ts';
import { MergedLayers } from '../merged-layers.ts';
import type { Owner } from './upper-layer.ts';

/** What an OCI runtime mounts in every container (runtime-spec config-linux.md, "Default Filesystems"). */
const defaultTargets = ['/proc', '/dev', '/sys'];

interface WrittenLayers {
  upper: string;
  /** Topmost first. */
  lowers: string[];
  /** Owners in the upper directory as the container, and its image, see them. */
  ownerInside(owner: Owner): Owner;
}

/**
 * Paths of the upper directory, without leading slashes, that are there only because something was mounted on them: empty
 * files and directories which the image doesn't have, and directories above them that nothing else has changed.
 */
export function mountTargets({ upper, lowers, ownerInside }: WrittenLayers, destinations: string[]): Set<string> {
  const [own, image] = [new MergedLayers([upper]), new MergedLayers(lowers)];
  const left = new Set<string>();

  const isEmpty = (path: string): boolean => {
    const stats = own.lstat(path);
    if (stats?.isDirectory()) return readdirSync(join(upper, path)).every((name) => left.has(posix.join(path, name)));
    return stats?.isFile() === true && stats.size === 0;
  };
  const isUnchanged = (path: string): boolean => {
    const [now, before] = [own.lstat(path), image.lstat(path)];
    if (!now || !before) return true;
    const owner = ownerInside(now);
    return before.isDirectory() && now.mode === before.mode && owner.uid === before.uid && owner.gid === before.gid;
  };

  const resolved = [...defaultTargets, ...destinations].map((path) => resolveInLayers([upper, ...lowers], path));
  const targets = resolved.filter((path) => path !== undefined && path !== '' && !image.lstat(path)) as string[];
  for (const target of targets.toSorted((a, b) => b.length - a.length)) {
    for (let path = target; path !== '.' && isEmpty(path) && isUnchanged(path); path = posix.dirname(path)) left.add(path);
  }
  return left;
}
