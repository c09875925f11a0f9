import type { Clock } from '../clock.ts';
import { untilDue } from '../until-due.ts';

const updatesPerWindow = 50;
const windowMs = 1000;

/** Holds back a plugin that tells of its devices without an end: so many updates are taken at once, and then no more until the second is over. */
export class UpdatePace {
  readonly #clock: Clock;
  readonly #onFlood: () => void;
  #windowEnd = 0;
  #taken = 0;

  /** `onFlood` is called each time that updates have to wait. */
  constructor(clock: Clock, onFlood: () => void) {
    this.#clock = clock;
    this.#onFlood = onFlood;
  }

  /** Resolves when the next update may be taken. */
  async next(signal: AbortSignal): Promise<void> {
    const now = this.#clock.now().getTime();
    if (now >= this.#windowEnd) {
      this.#windowEnd = now + windowMs;
      this.#taken = 0;
    }
    this.#taken++;
    if (this.#taken < updatesPerWindow) return;
    this.#onFlood();
    await untilDue(this.#clock, this.#windowEnd - now, signal);
  }
}
