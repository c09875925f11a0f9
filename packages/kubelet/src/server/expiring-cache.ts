import type { Clock } from '../clock.ts';

/** Entries beyond these make the oldest give way. */
const capacity = 1024;

/** Answers that hold for a while. */
export class ExpiringCache<Value> {
  readonly #clock: Clock;
  readonly #entries = new Map<string, { value: Value; until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry && this.#clock.now().getTime() < entry.until) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, value: Value, ttlMs: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, until: this.#clock.now().getTime() + ttlMs });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > capacity && oldest !== undefined) this.#entries.delete(oldest);
  }
}
