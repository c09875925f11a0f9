import { Bell } from '@berth/sdk/bell';
import type { Clock } from './clock.ts';

/** What a worker sleeps on: a bell and an alarm. */
export class Wake {
  readonly #clock: Clock;
  readonly #bell = new Bell();
  #cancelAlarm: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    this.#bell.ring();
  }

  /** Rings at a time, in place of the time set before; undefined: never by itself. */
  at(time: Date | undefined): void {
    this.cancel();
    if (time) this.#cancelAlarm = this.#clock.after(time.getTime() - this.#clock.now().getTime(), () => this.ring());
  }

  /** Takes the alarm back. */
  cancel(): void {
    this.#cancelAlarm?.();
    this.#cancelAlarm = undefined;
  }

  /** Until it has rung since the wait before; the alarm goes with it. */
  async wait(): Promise<void> {
    await this.#bell.wait();
    this.cancel();
  }
}
