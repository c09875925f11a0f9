import { join } from 'node:path';
import type { ResourceAmounts } from '@berth/api/resource-amounts';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { PodDirectories } from '../pod-directories.ts';
import type { ObjectSource } from '../sources/object-source.ts';
import { CachedTokens } from '../tokens/cached-tokens.ts';
import { LocalTokens } from '../tokens/local-tokens.ts';
import type { TokenSource } from '../tokens/token-source.ts';
import { OrphanedPodDirectories } from './orphaned-pod-directories.ts';
import { PodVolumes } from './pod-volumes.ts';

/** What the volumes of a node are filled from. */
export interface VolumeOptions {
  /** Tokens of service accounts, for projected volumes; undefined: the node signs them itself. */
  tokens?: TokenSource;
}

interface NodeVolumesOptions extends VolumeOptions {
  directories: PodDirectories;
  objects: ObjectSource;
  /** What the node has for pods. */
  allocatable(): ResourceAmounts;
  /** Called with each pod that nobody knew and whose directory is gone. */
  onRemoved(uid: string): void;
  metrics: Pick<KubeletMetrics, 'storageOperations' | 'orphanPodCleanedVolumes' | 'orphanPodCleanedVolumesErrors'>;
  clock: Clock;
  log: Logger;
}

/** All that the node has of volumes: those of its pods, and what is left of those of others. */
export class NodeVolumes {
  readonly ofPods: PodVolumes;
  readonly #orphaned: OrphanedPodDirectories;

  constructor({ directories, objects, allocatable, tokens, onRemoved, metrics, clock, log }: NodeVolumesOptions) {
    const local = new LocalTokens({ directory: join(directories.kubeletRoot, 'pki'), objects, clock });
    const operations = metrics.storageOperations;
    this.ofPods = new PodVolumes({ directories, objects, tokens: new CachedTokens(tokens ?? local, clock), allocatable, operations });
    this.#orphaned = new OrphanedPodDirectories(directories.podsDirectory, log, { onRemoved, metrics });
  }

  /** Begins to remove what is left of pods that nobody knows. */
  sweep(isKnown: (uid: string) => boolean): void {
    this.#orphaned.sweep(isKnown);
  }

  /** Resolves when no removal is under way. */
  async settled(): Promise<void> {
    await this.#orphaned.settled();
  }
}
