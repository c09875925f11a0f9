import type { Stats } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';

/** A container's own files on disk. */
export interface LayerSize {
  at: Date;
  bytes: bigint;
  inodes: bigint;
}

/** A size is good for this long, and for `restFactor` times as long as it took to find: walks take at most a twentieth of the time. */
const shortestRestMs = 10_000;
const restFactor = 20;

/** A caller waits for a first walk no longer than this; what a longer one finds, a later caller is told. */
const patienceMs = 2000;

interface Measurement {
  size: LayerSize | undefined;
  /** performance.now() of when it is to be measured again. */
  due: number;
  running: Promise<void> | undefined;
}

/**
 * How much writable layers hold, by a walk through each that is repeated no more often than a fixed share of the time. Project quotas
 * would tell it at once, but ext4 and xfs count by them only where they were mounted so.
 */
export class WritableLayers {
  readonly #measurements = new WeakMap<object, Measurement>();
  #queue: Promise<void> = Promise.resolve();

  /** Of the layer in `directory` that `owner` has; the last that is known, undefined while there is none. */
  async size(owner: object, directory: string): Promise<LayerSize | undefined> {
    const measurement = this.#measurements.get(owner) ?? { size: undefined, due: 0, running: undefined };
    this.#measurements.set(owner, measurement);
    if (measurement.running === undefined && performance.now() >= measurement.due) {
      measurement.running = this.#measure(measurement, directory).finally(() => {
        measurement.running = undefined;
      });
    }
    if (measurement.size === undefined && measurement.running) await atMost(patienceMs, measurement.running);
    return measurement.size;
  }

  /** One walk at a time: disks and Node's few threads are shared with the work of pods. */
  #measure(measurement: Measurement, directory: string): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      const begun = performance.now();
      measurement.size = await walk(directory).catch(() => undefined);
      const ended = performance.now();
      measurement.due = ended + Math.max(shortestRestMs, (ended - begun) * restFactor);
    });
    return this.#queue;
  }
}

/** Blocks as they are allocated, hard links once; what is removed meanwhile doesn't count. */
async function walk(directory: string): Promise<LayerSize> {
  const linked = new Set<string>();
  let [blocks, inodes] = [0, 0];
  const count = ({ nlink, dev, ino, blocks: own }: Stats): void => {
    const link = `${dev}:${ino}`;
    if (nlink > 1 && linked.has(link)) return;
    if (nlink > 1) linked.add(link);
    blocks += own;
    inodes++;
  };
  const left = [directory];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    count(await lstat(next));
    for await (const entry of await opendir(next)) {
      const path = join(next, entry.name);
      if (entry.isDirectory()) left.push(path);
      else await lstat(path).then(count, () => undefined);
    }
  }
  return { at: new Date(), bytes: BigInt(blocks) * 512n, inodes: BigInt(inodes) };
}

async function atMost(milliseconds: number, work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}
