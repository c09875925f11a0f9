import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const size = 4 * 1024 ** 3;

/**
 * A new ext4 file system, in a sparse file that is mounted by a loop device. On a used one a round pays for what earlier ones deleted:
 * ext4 takes minutes to use a deleted inode again, and looks past all of them for each new file.
 */
export class FreshDisk {
  readonly directory: string;
  readonly #file: string;

  /** Needs root. */
  constructor() {
    const scratch = mkdtempSync(join(tmpdir(), 'berth-disk-'));
    this.directory = join(scratch, 'mounted');
    this.#file = join(scratch, 'ext4');
    writeFileSync(this.#file, '');
    truncateSync(this.#file, size);
    mkdirSync(this.directory);
    execFileSync('mkfs.ext4', ['-q', '-F', this.#file]);
    execFileSync('mount', ['-o', 'loop', this.#file, this.directory]);
    chmodSync(this.directory, 0o1777);
  }

  remove(): void {
    execFileSync('umount', [this.directory]);
    rmSync(join(this.#file, '..'), { recursive: true });
  }
}
