import type { Clock } from '../src/clock.ts';

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  #now: Date;
  readonly #alarms = new Set<{ at: number; wake: () => void }>();

  constructor(now = new Date('2026-11-21T12:00:00Z')) {
    this.#now = now;
  }

  now(): Date {
    return this.#now;
  }

  after(delayMs: number, wake: () => void): () => void {
    const alarm = { at: this.#now.getTime() + delayMs, wake };
    this.#alarms.add(alarm);
    return () => void this.#alarms.delete(alarm);
  }

  /** How many wait for a later time. */
  get waiting(): number {
    return this.#alarms.size;
  }

  advance(ms: number): void {
    this.#now = new Date(this.#now.getTime() + ms);
    for (const alarm of [...this.#alarms].toSorted((a, b) => a.at - b.at)) {
      if (alarm.at <= this.#now.getTime() && this.#alarms.delete(alarm)) alarm.wake();
    }
  }
}
