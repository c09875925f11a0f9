import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { tryLock } from '../files/file-lock.ts';
import { readJson } from '../files/json-file.ts';
import { namesIn } from '../files/names-in.ts';
import type { Manifest } from './manifest.ts';

/** An image that somebody makes or reads, and whose parts have to stay meanwhile, recorded or not. */
export interface LeasedImage {
  manifestDigest: string;
  manifest: Manifest;
}

export interface Lease {
  release(): Promise<void>;
}

/**
 * Who works on which images: a file for each, whose lock is held as long as the work goes on. The lock of a process that
 * died is free, and its lease void. Both methods are to be called under the store's lock.
 */
export class Leases {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async take(images: LeasedImage[]): Promise<Lease> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const path = join(this.#directory, `${randomUUID()}.json`);
    const lock = tryLock(lockOf(path));
    if (!lock) throw new PluginError('ABORTED', 'it is taken for void already', { object: `lease ${path}`, hint: 'try again' });
    const release = async () => {
      await rm(path, { force: true });
      lock.release();
    };
    try {
      await writeFile(path, JSON.stringify(images), { mode: 0o600 });
    } catch (error) {
      await release();
      throw error;
    }
    return { release };
  }

  /** What is leased; removes void leases. */
  async live(): Promise<LeasedImage[]> {
    const leased: LeasedImage[] = [];
    const names = new Set((await namesIn(this.#directory)).map((name) => name.replace(/\.lock$/, '')));
    for (const name of names) {
      const path = join(this.#directory, name);
      const lock = tryLock(lockOf(path));
      if (lock) {
        await rm(path, { force: true });
        lock.release();
      } else {
        leased.push(...((await readJson<LeasedImage[]>(path)) ?? []));
      }
    }
    return leased;
  }
}

function lockOf(path: string): string {
  return `${path}.lock`;
}
