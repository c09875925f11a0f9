/** The shortest and the longest pause. */
export interface PauseRange {
  firstMs: number;
  longestMs: number;
}

/** A registration that lasted as long was in order. */
const lastingMs = 10 * 60 * 1000;

/**
 * How long a plugin waits before it registers with the same kubelet once more: twice as long each time, within the range that it is told. Else two plugins of one
 * resource would take it from each other without end. Times are milliseconds of any clock that only goes on.
 */
export class RegistrationPauses {
  #kubelet: string | undefined;
  #nextMs = 0;
  #notBefore = 0;
  #registeredAt: number | undefined;

  /** What is left to wait; nothing with a kubelet that wasn't there before. */
  left(kubelet: string, now: number): number {
    if (kubelet !== this.#kubelet) {
      this.#kubelet = kubelet;
      this.#nextMs = 0;
      this.#notBefore = now;
      this.#registeredAt = undefined;
    }
    return Math.max(0, this.#notBefore - now);
  }

  registered(now: number): void {
    this.#registeredAt = now;
  }

  /** The kubelet has refused it, or has given it up. After a registration that was in order the next pause is the first again. */
  lost(now: number, { firstMs, longestMs }: PauseRange): void {
    if (this.#registeredAt !== undefined && now - this.#registeredAt >= lastingMs) this.#nextMs = 0;
    this.#registeredAt = undefined;
    const pauseMs = Math.min(Math.max(this.#nextMs, firstMs), longestMs);
    this.#notBefore = now + pauseMs;
    this.#nextMs = 2 * pauseMs;
  }
}
