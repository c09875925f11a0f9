import { unlessAborted } from '@berth/sdk/abort';

/** One holder at a time for each key; the others wait in order. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs `work` when all earlier holders of `key` are done. An abort while waiting gives up the place. */
  async hold<Result>(key: string, signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const { promise: done, resolve: release } = Promise.withResolvers<void>();
    const tail = before.then(() => done);
    this.#tails.set(key, tail);
    try {
      await unlessAborted(before, signal);
      return await work();
    } finally {
      release();
      // Not at once: who gave up its place leaves while an earlier one still holds the lock.
      void tail.then(() => this.#forget(key, tail));
    }
  }

  /** Resolves when nobody holds it, or waits for it. */
  async idle(): Promise<void> {
    while (this.#tails.size > 0) await Promise.all(this.#tails.values());
  }

  #forget(key: string, tail: Promise<void>): void {
    if (this.#tails.get(key) === tail) this.#tails.delete(key);
  }
}
