import { statfs } from 'node:fs/promises';
import { apiTime } from '../pod.ts';
import type { FsStats } from './summary.ts';

/** The file system that `path` is on; undefined where there is no such path. */
export async function fileSystemOf(path: string, now: Date): Promise<FsStats | undefined> {
  const stats = await statfs(path).catch(() => undefined);
  if (!stats) return undefined;
  const { bsize, blocks, bfree, bavail, files, ffree } = stats;
  return {
    time: apiTime(now),
    availableBytes: bavail * bsize,
    capacityBytes: blocks * bsize,
    usedBytes: (blocks - bfree) * bsize,
    inodesFree: ffree,
    inodes: files,
    inodesUsed: files - ffree,
  };
}
