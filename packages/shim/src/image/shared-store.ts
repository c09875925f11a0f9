import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { removeLocked, withLock } from '../files/file-lock.ts';
import { explainFullDisk } from '../files/full-disk.ts';
import { Blobs } from './blobs.ts';
import { detachGarbage, type ImageParts, noParts, resumableMs } from './garbage.ts';
import { Layers } from './layers.ts';
import { type Lease, type LeasedImage, Leases } from './leases.ts';
import { removeLeftovers } from './leftovers.ts';
import { Records } from './records.ts';
import { ImageUsers } from './users.ts';

/** Changes of records take milliseconds: who waits longer waits for a process that hangs. */
const lockTimeoutMs = 30_000;

/**
 * What all processes that use one store have in common: its folders on disk, and the lock under which records, users and
 * leases change and garbage is taken away. What is made counts when it is renamed to its place.
 *
 * `blobs` manifests, configurations, layers as they came; `layers` unpacked ones; `records` and `names` see records.ts;
 * `users` see users.ts; `leases` see leases.ts.
 */
export class SharedStore {
  readonly directory: string;
  /** What is being made, but for blobs, which have `ingest`; and what is taken away and being deleted. Nothing here counts. */
  readonly incoming: string;
  readonly blobs: Blobs;
  readonly layers: Layers;
  readonly records: Records;
  readonly users: ImageUsers;
  readonly leases: Leases;

  /** `owner` names this process's users among those of others. */
  constructor(directory: string, owner: string) {
    this.directory = directory;
    this.incoming = join(directory, 'incoming');
    this.blobs = new Blobs(join(directory, 'blobs'), join(directory, 'ingest'), this.incoming);
    this.layers = new Layers(join(directory, 'layers'), this.incoming);
    this.records = new Records(directory);
    this.users = new ImageUsers(join(directory, 'users'), owner);
    this.leases = new Leases(join(directory, 'leases'));
  }

  /** Does `body` while no other process changes records, users or leases. */
  async locked<T>(body: () => Promise<T>): Promise<T> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    return withLock(join(this.directory, 'lock'), AbortSignal.timeout(lockTimeoutMs), body, { keep: true });
  }

  /** Does `body` while every part of the images that is there, or comes meanwhile, stays. */
  async leasing<T>(images: LeasedImage[], body: () => Promise<T>): Promise<T> {
    return during(await this.#lease(images), body);
  }

  /** As `leasing`, for what only reads them: on a full disk it goes on without, and ends with an error where a part is removed meanwhile. */
  async reading<T>(images: LeasedImage[], body: () => Promise<T>): Promise<T> {
    const lease = await this.#lease(images).catch((error) => {
      if (PluginError.from(error).code === 'RESOURCE_EXHAUSTED') return undefined;
      throw error;
    });
    return during(lease, body);
  }

  /**
   * Does `change`, which gives the parts of what it has removed, and deletes those of them that nothing else needs; with
   * them whatever nothing needs any more for longer than `spareMs`.
   */
  async collecting(change: () => Promise<ImageParts>, spareMs = resumableMs): Promise<void> {
    const detached = await this.locked(async () => detachGarbage(this, await change(), spareMs)).catch((error) => {
      throw explainFullDisk(error, this.directory, `image store ${this.directory}`);
    });
    await Promise.all(detached.map(discard));
  }

  /** Resolves when a collection that goes on has ended. */
  async awaitCollection(): Promise<void> {
    await this.locked(async () => undefined);
  }

  /** Removes what processes that died have left; what nothing needs any more once it is older than `spareMs`. */
  async recover(spareMs = resumableMs): Promise<void> {
    await this.removeLeftovers(spareMs);
    await this.collecting(async () => noParts, spareMs);
  }

  /** Removes what processes that died had not made whole; of blobs what nobody has gone on with for `spareMs`. */
  async removeLeftovers(spareMs = resumableMs): Promise<void> {
    await removeLeftovers(this.incoming);
    await this.blobs.removeAbandoned(new Date(Date.now() - spareMs));
    await this.records.removeLeftovers();
    await this.users.removeLeftovers();
  }

  #lease(images: LeasedImage[]): Promise<Lease> {
    return this.locked(() => this.leases.take(images));
  }
}

async function during<T>(lease: Lease | undefined, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } finally {
    await lease?.release();
  }
}

/** Deletes what was taken away; the lock keeps others from taking it for a leftover meanwhile. */
async function discard(detached: string): Promise<void> {
  await removeLocked(`${detached}.lock`, () => rm(detached, { recursive: true, force: true }));
}
