import { Bell } from './bell.ts';

/** The newest of values that follow each other, for any number of readers. */
export class Latest<Value extends object> {
  #value: Value | undefined;
  readonly #readers = new Set<Bell>();

  /** Undefined as long as there was none. */
  get value(): Value | undefined {
    return this.#value;
  }

  publish(value: Value): void {
    this.#value = value;
    for (const reader of this.#readers) reader.ring();
  }

  /** The newest one, and each newer one, until `signal` aborts; who reads slowly misses those between. */
  async *watch(signal: AbortSignal): AsyncGenerator<Value, void> {
    const bell = new Bell();
    this.#readers.add(bell);
    try {
      let given: Value | undefined;
      while (!signal.aborted) {
        const value = this.#value;
        if (value !== undefined && value !== given) {
          given = value;
          yield value;
        } else await bell.wait(signal);
      }
    } finally {
      this.#readers.delete(bell);
    }
  }
}
