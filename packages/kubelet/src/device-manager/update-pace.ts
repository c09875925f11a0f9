import type { Clock } from '../clock.ts';
import { TokenBucket } from '../token-bucket.ts';
import { untilDue } from '../until-due.ts';

const updatesAtOnce = 50;
const updatesPerSecond = 50;
const toldEveryMs = 60_000;

/** Holds back a plugin that tells of its devices without an end. */
export class UpdatePace {
  readonly #clock: Clock;
  readonly #onFlood: () => void;
  readonly #bucket: TokenBucket;
  #toldAt: Date | undefined;

  /** `onFlood` is called when an update has to wait, once a minute at most. */
  constructor(clock: Clock, onFlood: () => void) {
    this.#clock = clock;
    this.#onFlood = onFlood;
    this.#bucket = new TokenBucket(updatesAtOnce, updatesPerSecond, clock.now());
  }

  /** Resolves when the next update may be taken. */
  async next(signal: AbortSignal): Promise<void> {
    if (this.#bucket.take(this.#clock.now())) return;
    this.#tell(this.#clock.now());
    while (!signal.aborted && !this.#bucket.take(this.#clock.now())) {
      await untilDue(this.#clock, this.#bucket.waitMs(this.#clock.now()), signal);
    }
  }

  #tell(now: Date): void {
    if (this.#toldAt && now.getTime() - this.#toldAt.getTime() < toldEveryMs) return;
    this.#toldAt = now;
    this.#onFlood();
  }
}
