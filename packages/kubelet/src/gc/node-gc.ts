import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import { FileSystems } from '../stats/file-system.ts';
import { ContainerGc, type ContainerGcOptions } from './container-gc.ts';
import { type Disk, ImageGc, type ImageGcOptions } from './image-gc.ts';
import { PeriodicGc } from './periodic-gc.ts';

/** When images and dead containers are removed; kubelet's defaults. */
export interface NodeGcOptions {
  imageGc?: Partial<ImageGcOptions>;
  containerGc?: Partial<ContainerGcOptions>;
}

interface NodeGcParts {
  runtimes: readonly RuntimeClient[];
  kubeletRoot: string;
  /** Whether the kubelet still has the pod. */
  isKnown(uid: string): boolean;
  /** An event of the node. */
  warn(reason: string, message: string): void;
  metrics: Pick<KubeletMetrics, 'imagesCollected'>;
  clock: Clock;
  log: Logger;
}

// As kubelet has them (kubelet/kubelet.go: ImageGCPeriod, ContainerGCPeriod).
const [imagePeriodMs, containerPeriodMs] = [5 * 60_000, 60_000];

/** Removes what nobody on the node uses any more: images when the disk fills up, dead containers and sandboxes each minute. */
export class NodeGc {
  readonly #images: ImageGc;
  readonly #containers: ContainerGc;
  readonly #periodic: PeriodicGc[];

  constructor({ imageGc = {}, containerGc = {} }: NodeGcOptions, parts: NodeGcParts) {
    const fileSystems = new FileSystems(parts);
    this.#images = new ImageGc(imageGc, { ...parts, disk: (path) => diskAt(path, fileSystems, parts.clock.now()) });
    this.#containers = new ContainerGc(containerGc, parts);
    const onFailure = (reason: string) => (message: string) => parts.warn(reason, message);
    this.#periodic = [
      new PeriodicGc({
        ...parts,
        collector: this.#images,
        periodMs: imagePeriodMs,
        name: 'image garbage collection',
        onFailure: onFailure('ImageGCFailed'),
      }),
      new PeriodicGc({
        ...parts,
        collector: this.#containers,
        periodMs: containerPeriodMs,
        name: 'container garbage collection',
        onFailure: onFailure('ContainerGCFailed'),
      }),
    ];
  }

  start(): void {
    for (const gc of this.#periodic) gc.start();
  }

  /** Resolves when nothing is being removed any more. */
  async stop(): Promise<void> {
    await Promise.all(this.#periodic.map((gc) => gc.stop()));
  }

  /** Every image that no container has, however full the disk is; for eviction. */
  async removeUnusedImages(signal: AbortSignal): Promise<void> {
    await this.#images.removeUnused(signal);
  }

  /** Every dead container that needn't stay; for eviction. */
  async removeUnusedContainers(signal: AbortSignal): Promise<void> {
    await this.#containers.collect(signal);
  }
}

/** UNAVAILABLE where the file system doesn't answer. */
async function diskAt(path: string, fileSystems: FileSystems, now: Date): Promise<Disk> {
  const { capacityBytes, availableBytes } = (await fileSystems.of(path, now)) ?? {};
  if (capacityBytes !== undefined && availableBytes !== undefined) return { capacity: capacityBytes, available: availableBytes };
  throw new PluginError('UNAVAILABLE', "the file system of the images isn't there, or doesn't answer", { object: path });
}
