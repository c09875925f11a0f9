import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** @param {string} path @returns {number} bytes that a file or a folder takes on disk, links not followed, 0 if it isn't there */
export function bytesIn(path) {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return 0;
  const own = stat.blocks * 512;
  return stat.isDirectory() ? readdirSync(path).reduce((sum, name) => sum + bytesIn(join(path, name)), own) : own;
}

/** @param {number} bytes @returns {string} for reading, in MB of 10^6 bytes */
export function megabytes(bytes) {
  return `${Math.round(bytes / 1e6)} MB`;
}
