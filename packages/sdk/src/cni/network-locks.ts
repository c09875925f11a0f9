import { neverAborted, unlessAborted } from '../abort.ts';

/**
 * Who works on a network at once: any number of attachments side by side, or one garbage collection alone (SPEC.md, "GC": it must not run
 * beside ADD or DEL). Both wait for those before them, until `signal` is aborted.
 */
export interface NetworkLocks {
  shared<Result>(network: string, signal: AbortSignal | undefined, work: () => Promise<Result>): Promise<Result>;
  exclusive<Result>(network: string, signal: AbortSignal | undefined, work: () => Promise<Result>): Promise<Result>;
}

interface Turns {
  /** Settles when the last collection that was asked for is done. */
  collection: Promise<unknown>;
  /** Those that were asked for since. */
  attachments: Set<Promise<unknown>>;
}

/** Within this process. In order: an attachment that is asked for after a collection waits for it. */
export class ProcessNetworkLocks implements NetworkLocks {
  readonly #turns = new Map<string, Turns>();

  async shared<Result>(network: string, signal: AbortSignal | undefined, work: () => Promise<Result>): Promise<Result> {
    const { collection, attachments } = this.#turnsOf(network);
    const { promise: done, resolve } = Promise.withResolvers<void>();
    attachments.add(done);
    try {
      await unlessAborted(collection, signal ?? neverAborted);
      return await work();
    } finally {
      attachments.delete(done);
      resolve();
    }
  }

  async exclusive<Result>(network: string, signal: AbortSignal | undefined, work: () => Promise<Result>): Promise<Result> {
    const { collection, attachments } = this.#turnsOf(network);
    const before = Promise.all([collection, ...attachments]);
    const { promise: done, resolve } = Promise.withResolvers<void>();
    this.#turns.set(network, { collection: Promise.all([before, done]), attachments: new Set() });
    try {
      await unlessAborted(before, signal ?? neverAborted);
      return await work();
    } finally {
      resolve();
    }
  }

  #turnsOf(network: string): Turns {
    const turns = this.#turns.get(network) ?? { collection: Promise.resolve(), attachments: new Set() };
    this.#turns.set(network, turns);
    return turns;
  }
}
