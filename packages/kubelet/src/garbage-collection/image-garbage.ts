import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import type { StatsProvider } from '../stats/stats-provider.ts';
import { Wake } from '../wake.ts';
import { type NodeImage, NodeImages } from './node-images.ts';

/** Named after the fields of KubeletConfiguration; ages in milliseconds. */
export interface ImageGarbageOptions {
  /** Images are removed once this share of their disk is used; 100: never for that reason. */
  imageGCHighThresholdPercent: number;
  /** … until no more than this is. */
  imageGCLowThresholdPercent: number;
  /** Younger ones stay, since their pod may be about to come. */
  imageMinimumGCAgeMs: number;
  /** One that nobody used for so long goes, however much room there is; 0: not for that reason. */
  imageMaximumGCAgeMs: number;
}

/** kubelet's, but that images stay however full their disk is: a node asks for that by its configuration. */
export const defaultImageGarbage: ImageGarbageOptions = {
  imageGCHighThresholdPercent: 100,
  imageGCLowThresholdPercent: 80,
  imageMinimumGCAgeMs: 2 * 60 * 1000,
  imageMaximumGCAgeMs: 0,
};

interface ImageGarbageNode {
  clients: readonly RuntimeClient[];
  stats: Pick<StatsProvider, 'summary'>;
  clock: Clock;
  log: Logger;
}

/** kubelet's imageGCPeriod. */
const periodMs = 5 * 60 * 1000;
const roundTimeoutMs = 2 * 60 * 1000;

/** Removes images that no container uses, those first that nobody used for the longest time. */
export class ImageGarbage {
  readonly #options: ImageGarbageOptions;
  readonly #node: ImageGarbageNode;
  readonly #images: NodeImages;
  readonly #wake: Wake;

  constructor(options: ImageGarbageOptions, node: ImageGarbageNode) {
    this.#options = options;
    this.#node = node;
    this.#images = new NodeImages(node.clients);
    this.#wake = new Wake(node.clock);
  }

  /** Looks every five minutes until `signal` aborts; doesn't throw. */
  async run(signal: AbortSignal): Promise<void> {
    const ring = () => this.#wake.ring();
    signal.addEventListener('abort', ring);
    while (!signal.aborted) {
      await this.collect(AbortSignal.any([signal, AbortSignal.timeout(roundTimeoutMs)])).catch((thrown: unknown) => {
        if (!signal.aborted) this.#node.log.warn(`images can't be looked at: ${PluginError.from(thrown).message}`);
      });
      this.#wake.at(new Date(this.#node.clock.now().getTime() + periodMs));
      if (!signal.aborted) await this.#wake.wait();
    }
    this.#wake.cancel();
    signal.removeEventListener('abort', ring);
  }

  /** One look: removes what is too old, and what has to go to make room. */
  async collect(signal: AbortSignal): Promise<void> {
    const { imageMaximumGCAgeMs: most } = this.#options;
    const now = this.#node.clock.now();
    const images = await this.#images.detect(now, signal);
    const old = images.filter((image) => most > 0 && now.getTime() - lastNeeded(image).getTime() > most);
    await this.#remove(old, undefined, signal);
    const excess = await this.#excess(signal);
    if (excess === 0n) return;
    const freed = await this.#remove(
      images.filter((image) => !old.includes(image)),
      excess,
      signal,
    );
    if (freed < excess) this.#node.log.warn({ freed: Number(freed), wanted: Number(excess) }, 'too few images can be removed to make room');
  }

  /** Removes every image that nobody uses. */
  async removeUnused(signal: AbortSignal): Promise<void> {
    await this.#remove(await this.#images.detect(this.#node.clock.now(), signal), undefined, signal);
  }

  /** How many bytes of the images' disk have to be freed. */
  async #excess(signal: AbortSignal): Promise<bigint> {
    const { imageGCHighThresholdPercent: high, imageGCLowThresholdPercent: low } = this.#options;
    if (high >= 100) return 0n;
    const { availableBytes = 0, capacityBytes = 0 } = (await this.#node.stats.summary({ signal })).node.runtime?.imageFs ?? {};
    if (capacityBytes === 0 || 100 - Math.floor((availableBytes * 100) / capacityBytes) < high) return 0n;
    return BigInt(Math.max(0, Math.round((capacityBytes * (100 - low)) / 100) - availableBytes));
  }

  /** Removes what isn't in use and old enough until `bytes` are freed; all of it without. Gives how many bytes were. */
  async #remove(images: NodeImage[], bytes: bigint | undefined, signal: AbortSignal): Promise<bigint> {
    const now = this.#node.clock.now().getTime();
    const removable = images.filter((image) => !image.inUse && now - image.detectedAt.getTime() >= this.#options.imageMinimumGCAgeMs);
    let freed = 0n;
    for (const image of removable.toSorted((a, b) => lastNeeded(a).getTime() - lastNeeded(b).getTime())) {
      if (signal.aborted || (bytes !== undefined && freed >= bytes)) break;
      if (await this.#removeOne(image, signal)) freed += image.size;
    }
    return freed;
  }

  async #removeOne(image: NodeImage, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#images.remove(image, signal);
      this.#node.log.info({ image: image.name, bytes: Number(image.size) }, 'an unused image was removed');
      return true;
    } catch (thrown) {
      this.#node.log.warn({ image: image.name }, `an unused image can't be removed: ${PluginError.from(thrown).message}`);
      return false;
    }
  }
}

function lastNeeded({ usedAt, detectedAt }: NodeImage): Date {
  return usedAt ?? detectedAt;
}
