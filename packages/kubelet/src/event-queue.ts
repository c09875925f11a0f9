/** Many writers, one reader, in order of arrival. Writing never waits. */
export class EventQueue<T> {
  readonly #items: T[] = [];
  #arrival = Promise.withResolvers<void>();

  push(item: T): void {
    this.#items.push(item);
    this.#arrival.resolve();
  }

  /** All items, as they come, until `signal` aborts. */
  async *read(signal: AbortSignal): AsyncGenerator<T, void> {
    const stop = () => this.#arrival.resolve();
    signal.addEventListener('abort', stop);
    try {
      while (!signal.aborted) {
        const item = this.#items.shift();
        if (item !== undefined) yield item;
        else await this.#nextArrival();
      }
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async #nextArrival(): Promise<void> {
    await this.#arrival.promise;
    this.#arrival = Promise.withResolvers<void>();
  }
}
