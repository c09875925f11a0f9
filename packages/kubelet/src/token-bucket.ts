/** Lets things pass at a rate, and a burst of them at once. */
export class TokenBucket {
  readonly #burst: number;
  readonly #perSecond: number;
  #tokens: number;
  #at: number;

  /** `burst` may pass at once; `perSecond` come back. */
  constructor(burst: number, perSecond: number, now: Date) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#tokens = burst;
    this.#at = now.getTime();
  }

  /** Takes one, if there is one. */
  take(now: Date): boolean {
    this.#refill(now);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Milliseconds until there is one. */
  waitMs(now: Date): number {
    this.#refill(now);
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) / this.#perSecond) * 1000);
  }

  #refill(now: Date): void {
    const seconds = Math.max(0, now.getTime() - this.#at) / 1000;
    this.#tokens = Math.min(this.#burst, this.#tokens + seconds * this.#perSecond);
    this.#at = now.getTime();
  }
}
