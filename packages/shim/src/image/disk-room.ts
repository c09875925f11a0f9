import { statfsSync } from 'node:fs';
import { PluginError } from '@berth/sdk/errors';

/** Of the file system: what else runs on the node has to go on where a layer would take everything. */
const keptForOthers = 0.01;
/** So much is written before the file system is asked again; others write there, too. */
const bytesBetweenLooks = 16 * 1024 * 1024;
/** More than any one extended attribute takes, whose value has at most 64 KiB (xattr(7)). */
const bytesOfAttribute = 1024 * 1024;

/** Watches that what is written leaves room on the disk, so that a small layer that unpacks to a huge one fails before the disk is full. */
export class DiskRoom {
  readonly #directory: string;
  #untilNextLook = 0;

  /** On the file system of this directory. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** To be called before `bytes` are written; throws RESOURCE_EXHAUSTED if there isn't room for them. */
  take(bytes: number): void {
    if (bytes > this.#untilNextLook) this.#look(bytes);
    this.#untilNextLook -= bytes;
  }

  /** Whether an extended attribute may have found no room; if not, the file system has said ENOSPC for a limit of its own. */
  isFullForAttribute(): boolean {
    const { bsize, bavail, files, ffree } = statfsSync(this.#directory);
    return bavail * bsize < bytesOfAttribute || (files > 0 && ffree === 0);
  }

  #look(bytes: number): void {
    const { bsize, blocks, bavail } = statfsSync(this.#directory);
    const spare = Math.max(0, Math.floor(bavail - blocks * keptForOthers)) * bsize;
    if (bytes > spare) {
      throw new PluginError(
        'RESOURCE_EXHAUSTED',
        `the file system of ${this.#directory} has ${spare} bytes to spare, and a file in it needs ${bytes}`,
        {
          hint: 'make room there, for example remove images and containers that nobody uses',
        },
      );
    }
    this.#untilNextLook = Math.max(bytes, Math.min(spare, bytesBetweenLooks));
  }
}
