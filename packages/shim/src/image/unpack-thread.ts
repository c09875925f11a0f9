import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { PluginError } from '@berth/sdk/errors';
import type { LayerFailure, Order, Outcome } from './unpack-worker.ts';
import type { LayerSource, UnpackedSize } from './write-layer.ts';

/** For the thread's own objects, in MiB: what a layer makes it remember has an end. */
const memory = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 2 };
/** The layers of an image come within it: a thread that has done one does the next in two thirds of the time. */
const idleMs = 2_000;

/** A thread that unpacks layers, so that the process stays free for other requests meanwhile. It starts when it is needed and ends when it isn't any more. */
export class UnpackThread {
  #worker: Worker | undefined;
  #serial = 0;
  readonly #waiting = new Map<number, { resolve(size: UnpackedSize): void; reject(error: unknown): void }>();
  #idle: NodeJS.Timeout | undefined;

  /** As `writeLayer`, over there. */
  async unpack(source: LayerSource, target: string, signal: AbortSignal): Promise<UnpackedSize> {
    // A listener on a signal that is aborted already is never called.
    signal.throwIfAborted();
    const id = this.#serial++;
    const send = (order: Order) => this.#worker?.postMessage(order);
    const leave = () => send({ id });
    const { promise, resolve, reject } = Promise.withResolvers<UnpackedSize>();
    this.#waiting.set(id, { resolve, reject });
    signal.addEventListener('abort', leave);
    try {
      this.#start();
      send({ id, layer: { source, target } });
      return await promise;
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener('abort', leave);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) this.#rest();
    }
  }

  #start(): void {
    clearTimeout(this.#idle);
    this.#worker?.ref();
    this.#worker ??= this.#launch();
  }

  #launch(): Worker {
    const worker = new Worker(new URL(`./unpack-worker${extname(import.meta.filename)}`, import.meta.url), { resourceLimits: memory });
    worker.on('message', ({ id, size, failure }: Outcome) => {
      if (failure) this.#waiting.get(id)?.reject(thrownBy(failure));
      else this.#waiting.get(id)?.resolve(size);
    });
    worker.on('error', (error: NodeJS.ErrnoException) =>
      this.#fail(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? outOfMemory(error) : error),
    );
    worker.on('exit', () => {
      if (this.#worker === worker) this.#fail(new Error('the thread that unpacks it ended early'));
    });
    return worker;
  }

  #fail(error: Error): void {
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(error);
  }

  /** A thread at rest keeps no process from its end. */
  #rest(): void {
    const worker = this.#worker;
    worker?.unref();
    this.#idle = setTimeout(() => {
      this.#worker = undefined;
      void worker?.terminate();
    }, idleMs).unref();
  }
}

/** A system call's error keeps its code, which says what kind of failure it is. */
function thrownBy({ code, message, errno, syscall }: LayerFailure): PluginError {
  return new PluginError(code, message, errno === undefined ? {} : { cause: Object.assign(new Error(message), { code: errno, syscall }) });
}

function outOfMemory(cause: Error): PluginError {
  return new PluginError('RESOURCE_EXHAUSTED', `unpacking it takes more than ${memory.maxOldGenerationSizeMb} MiB of memory`, {
    hint: 'build the image with fewer directories in one layer',
    cause,
  });
}
