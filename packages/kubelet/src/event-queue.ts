import { Bell } from '@berth/sdk/bell';

/** Many writers, one reader, in order of arrival. Writing never waits. */
export class EventQueue<T> {
  readonly #items: T[] = [];
  readonly #arrival = new Bell();

  push(item: T): void {
    this.#items.push(item);
    this.#arrival.ring();
  }

  /** All items, as they come, until `signal` aborts. */
  async *read(signal: AbortSignal): AsyncGenerator<T, void> {
    while (!signal.aborted) {
      const item = this.#items.shift();
      if (item !== undefined) yield item;
      else await this.#arrival.wait(signal);
    }
  }
}
