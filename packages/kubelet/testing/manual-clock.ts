import type { Clock } from '../src/clock.ts';
import { now } from './observed-pod.ts';

/** Time that a test moves on by hand. */
export class ManualClock implements Clock {
  #now = now;
  readonly #alarms = new Set<{ at: number; wake: () => void }>();

  now(): Date {
    return this.#now;
  }

  after(delayMs: number, wake: () => void): () => void {
    const alarm = { at: this.#now.getTime() + Math.max(0, delayMs), wake };
    this.#alarms.add(alarm);
    return () => void this.#alarms.delete(alarm);
  }

  /** Moves on, from one alarm to the next; whoever is woken has done what it can at once before time goes on. */
  async pass(ms: number): Promise<void> {
    const end = this.#now.getTime() + ms;
    for (;;) {
      await settled();
      const [next] = [...this.#alarms].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at);
      if (!next) break;
      this.#alarms.delete(next);
      this.#now = new Date(Math.max(this.#now.getTime(), next.at));
      next.wake();
    }
    this.#now = new Date(end);
  }
}

/** Promises that were settled have told those who wait for them. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve));
}
