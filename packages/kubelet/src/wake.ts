import type { Clock } from './clock.ts';

/** What a worker sleeps on: a bell that keeps ringing until it is heard, and an alarm. */
export class Wake {
  readonly #clock: Clock;
  #bell = Promise.withResolvers<void>();
  #cancelAlarm: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** From here on a ring counts as new. */
  listen(): void {
    this.cancel();
    this.#bell = Promise.withResolvers<void>();
  }

  ring(): void {
    this.#bell.resolve();
  }

  /** Rings at a time; undefined: never by itself. */
  at(time: Date | undefined): void {
    this.cancel();
    if (time) this.#cancelAlarm = this.#clock.after(time.getTime() - this.#clock.now().getTime(), () => this.ring());
  }

  cancel(): void {
    this.#cancelAlarm?.();
    this.#cancelAlarm = undefined;
  }

  /** Until it rings. */
  async wait(): Promise<void> {
    await this.#bell.promise;
  }
}
