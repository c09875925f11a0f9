import { type Image, ImageFsInfoRequest, ImageSpec, ListImagesRequest, RemoveImageRequest } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { Clock } from '../clock.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import { imagesInUse } from './images-in-use.ts';

/** When images are removed; the fields are KubeletConfiguration's, durations in milliseconds. */
export interface ImageGcOptions {
  /** Percent of the images' file system in use from which images are removed; 100: never. */
  imageGCHighThresholdPercent: number;
  /** Percent down to which they are. */
  imageGCLowThresholdPercent: number;
  /** An image stays at least this long. */
  imageMinimumGCAgeMs: number;
  /** An image that nobody has used for so long is removed, whatever the disk holds; 0: never. */
  imageMaximumGCAgeMs: number;
}

/** kubelet's. */
const defaultImageGc: ImageGcOptions = {
  imageGCHighThresholdPercent: 85,
  imageGCLowThresholdPercent: 80,
  imageMinimumGCAgeMs: 120_000,
  imageMaximumGCAgeMs: 0,
};

/** The size of a file system, and what of it is free, in bytes. */
export interface Disk {
  capacity: number;
  available: number;
}

interface ImageGcParts {
  runtimes: readonly RuntimeClient[];
  clock: Clock;
  metrics: Pick<KubeletMetrics, 'imagesCollected'>;
  /** Tells the node's events. */
  warn(reason: string, message: string): void;
  /** Of the file system at a path. */
  disk(path: string): Promise<Disk>;
}

/** What is known of an image since it was first seen. */
interface ImageRecord {
  /** The runtimes that have it, all of one store. */
  clients: RuntimeClient[];
  /** Of the file system that it is on. */
  path: string;
  id: string;
  size: number;
  firstDetected: number;
  lastUsed: number;
  removable: boolean;
}

const deadlineMs = 120_000;

/** Removes images that nobody uses, the longest unused first, when the disk fills up (kubelet/images/image_gc_manager.go). */
export class ImageGc {
  readonly #options: ImageGcOptions;
  readonly #parts: ImageGcParts;
  /** By path of the store and image id. */
  #records = new Map<string, ImageRecord>();
  /** The first look tells how old nothing is: what is there then counts as old. */
  #looked = false;
  readonly #startedAt: number;

  constructor(options: Partial<ImageGcOptions>, parts: ImageGcParts) {
    this.#options = { ...defaultImageGc, ...options };
    this.#parts = parts;
    this.#startedAt = parts.clock.now().getTime();
  }

  /** One turn over all runtimes. Throws what the runtimes didn't do. */
  async collect(signal: AbortSignal): Promise<void> {
    await this.#look(signal);
    await this.#removeOld(signal);
    if (this.#options.imageGCHighThresholdPercent >= 100) return;
    for (const path of new Set([...this.#records.values()].map((record) => record.path))) await this.#makeRoom(path, signal);
  }

  /** Removes every image that may be removed, as when the disk is full. Gives the bytes. */
  async removeUnused(signal: AbortSignal): Promise<number> {
    await this.#look(signal);
    return this.#free(this.#candidates(), Number.POSITIVE_INFINITY, 'space', signal);
  }

  /** What there is now, and which of it is in use. */
  async #look(signal: AbortSignal): Promise<void> {
    const now = this.#parts.clock.now().getTime();
    const runtimes = this.#started();
    // Runtimes may share a store: an image is in use if a container of any of them uses it.
    const inUse = await imagesInUse(runtimes, signal);
    const records = new Map<string, ImageRecord>();
    for (const client of runtimes) {
      const path = await imagePathOf(client, signal);
      const { images } = await client.images.listImages(ListImagesRequest.create(), { signal, deadlineMs });
      for (const image of images) {
        const key = `${path} ${image.id}`;
        const before = this.#records.get(key);
        const used = namesOf(image).some((name) => inUse.has(name));
        records.set(key, {
          clients: [...(records.get(key)?.clients ?? []), client],
          path,
          id: image.id,
          size: Number(image.size),
          firstDetected: before?.firstDetected ?? (this.#looked ? now : 0),
          lastUsed: used ? now : (before?.lastUsed ?? 0),
          removable: !used && !image.pinned,
        });
      }
    }
    this.#records = records;
    this.#looked = true;
  }

  async #removeOld(signal: AbortSignal): Promise<void> {
    const { imageMaximumGCAgeMs } = this.#options;
    const now = this.#parts.clock.now().getTime();
    // Since when an image hasn't been used is known only from the kubelet's start on.
    if (imageMaximumGCAgeMs === 0 || now - this.#startedAt <= imageMaximumGCAgeMs) return;
    const old = this.#candidates().filter(({ lastUsed, firstDetected }) => now - Math.max(lastUsed, firstDetected) > imageMaximumGCAgeMs);
    await this.#free(old, Number.POSITIVE_INFINITY, 'age', signal);
  }

  async #makeRoom(path: string, signal: AbortSignal): Promise<void> {
    const { imageGCHighThresholdPercent, imageGCLowThresholdPercent } = this.#options;
    if (!path.startsWith('/')) return;
    const { capacity, available } = await this.#parts.disk(path);
    if (capacity === 0) {
      const message = 'invalid capacity 0 on image filesystem';
      this.#parts.warn('InvalidDiskCapacity', message);
      throw new PluginError('INTERNAL', message, { object: path });
    }
    const used = 100 - Math.floor((Math.min(available, capacity) * 100) / capacity);
    if (used < imageGCHighThresholdPercent) return;
    const wanted = Math.floor((capacity * (100 - imageGCLowThresholdPercent)) / 100) - available;
    const candidates = this.#candidates().filter((record) => record.path === path);
    const freed = await this.#free(candidates, wanted, 'space', signal);
    if (freed >= wanted) return;
    const message = `Failed to garbage collect required amount of images. Attempted to free ${wanted} bytes, but only found ${freed} bytes eligible to free.`;
    this.#parts.warn('FreeDiskSpaceFailed', message);
    throw new PluginError('RESOURCE_EXHAUSTED', message, { object: path });
  }

  /** Those that may be removed, the longest unused first. */
  #candidates(): ImageRecord[] {
    return [...this.#records.values()]
      .filter(({ removable }) => removable)
      .toSorted((a, b) => a.lastUsed - b.lastUsed || a.firstDetected - b.firstDetected);
  }

  /** Removes images until so many bytes are free; gives how many. One that can't be removed keeps no other from it, and is thrown at the end. */
  async #free(candidates: ImageRecord[], wanted: number, reason: 'age' | 'space', signal: AbortSignal): Promise<number> {
    const now = this.#parts.clock.now().getTime();
    const errors: unknown[] = [];
    let freed = 0;
    for (const { clients, path, id, size, firstDetected } of candidates) {
      if (freed >= wanted) break;
      if (now - firstDetected < this.#options.imageMinimumGCAgeMs) continue;
      try {
        for (const { images } of clients)
          await images.removeImage(RemoveImageRequest.create({ image: ImageSpec.create({ image: id }) }), { signal, deadlineMs });
        this.#records.delete(`${path} ${id}`);
        this.#parts.metrics.imagesCollected.inc({ reason });
        freed += size;
      } catch (error) {
        errors.push(error);
      }
    }
    const [first] = errors;
    if (first) throw PluginError.from(first);
    return freed;
  }

  #started(): RuntimeClient[] {
    return this.#parts.runtimes.filter(({ onDemand }) => onDemand?.started !== false);
  }
}

/** The file system of its images; runtimes of the same one share a store. A runtime that doesn't tell has one of its own. */
async function imagePathOf({ handler, images }: RuntimeClient, signal: AbortSignal): Promise<string> {
  const { imageFilesystems } = await images.imageFsInfo(ImageFsInfoRequest.create(), { signal, deadlineMs });
  return imageFilesystems[0]?.fsId?.mountpoint || handler;
}

function namesOf({ id, repoTags, repoDigests }: Image): string[] {
  return [id, ...repoTags, ...repoDigests];
}
