import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { removePodDirectory } from './pod-directory-removal.ts';

/** How long a file system may take to be unmounted. */
const removalLimitMs = 30_000;

interface OrphanedPodOptions {
  /** Called with each pod whose directory is gone. */
  onRemoved?(uid: string): void;
  metrics: Pick<KubeletMetrics, 'orphanPodCleanedVolumes' | 'orphanPodCleanedVolumesErrors'>;
}

/** Removes the directories of pods that nobody has: those that a kubelet before this one left, and those whose end failed. */
export class OrphanedPodDirectories {
  readonly #podsDirectory: string;
  readonly #log: Logger;
  readonly #options: OrphanedPodOptions;
  /** What was told already, by uid. */
  readonly #told = new Map<string, string>();
  #sweeping: Promise<void> | undefined;

  constructor(podsDirectory: string, log: Logger, options: OrphanedPodOptions) {
    this.#podsDirectory = podsDirectory;
    this.#log = log;
    this.#options = options;
  }

  /** Begins to remove all but those of the pods that `isKnown`, which is asked right before each; returns at once. One sweep runs at a time. */
  sweep(isKnown: (uid: string) => boolean): void {
    this.#sweeping ??= this.#sweep(isKnown).finally(() => {
      this.#sweeping = undefined;
    });
  }

  /** Resolves when no sweep is running. */
  async settled(): Promise<void> {
    await this.#sweeping;
  }

  async #sweep(isKnown: (uid: string) => boolean): Promise<void> {
    const uids = await readdir(this.#podsDirectory).catch(() => []);
    let [orphans, failures] = [0, 0];
    for (const uid of uids) {
      if (isKnown(uid)) continue;
      orphans++;
      if (!(await this.#remove(uid))) failures++;
    }
    this.#options.metrics.orphanPodCleanedVolumes.set(orphans);
    this.#options.metrics.orphanPodCleanedVolumesErrors.set(failures);
  }

  /** Whether it is gone. */
  async #remove(uid: string): Promise<boolean> {
    try {
      await removePodDirectory(join(this.#podsDirectory, uid), AbortSignal.timeout(removalLimitMs));
      this.#told.delete(uid);
      this.#options.onRemoved?.(uid);
      this.#log.info({ uid }, 'removed the directory of a pod that nobody has');
      return true;
    } catch (thrown) {
      const { message } = PluginError.from(thrown);
      if (this.#told.get(uid) !== message)
        this.#log.warn({ uid }, `orphaned pod ${uid} found, but its volumes can't be removed: ${message}`);
      this.#told.set(uid, message);
      return false;
    }
  }
}
