import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A tmpfs of a few megabytes over a directory, which a test fills and frees. */
export class SmallDisk {
  readonly #directory: string;

  /** Mounts it; needs root. */
  constructor(directory: string, size = '8m', inodes = 100_000) {
    this.#directory = directory;
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},nr_inodes=${inodes},mode=0700`, 'berth-small-disk', directory]);
  }

  /** Leaves not an inode. */
  fillInodes(): void {
    try {
      for (let file = 0; ; file++) closeSync(openSync(join(this.#directory, `ballast-${file}`), 'w'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }

  /** Leaves not a byte. */
  fill(): void {
    const file = openSync(join(this.#directory, 'ballast'), 'w');
    try {
      for (let length = 65_536; length > 0; ) {
        try {
          if (writeSync(file, Buffer.alloc(length)) < length) length >>= 1;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
          length >>= 1;
        }
      }
    } finally {
      closeSync(file);
    }
  }

  free(): void {
    rmSync(join(this.#directory, 'ballast'), { force: true });
  }

  unmount(): void {
    execFileSync('umount', [this.#directory]);
  }
}
