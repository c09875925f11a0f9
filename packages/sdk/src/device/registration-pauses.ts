const longestMs = 30_000;

/**
 * How long a plugin waits before it registers with the same kubelet once more: what it is told at first, then twice as long each time, up to 30 s. Else two plugins of one
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

  /**
   * The kubelet has refused it, or has given it up; `firstMs` is the shortest pause then. What lasted as long as the longest pause was in order: the next
   * one is the first again.
   */
  lost(now: number, firstMs: number): void {
    if (this.#registeredAt !== undefined && now - this.#registeredAt >= longestMs) this.#nextMs = 0;
    this.#registeredAt = undefined;
    const pauseMs = Math.max(this.#nextMs, firstMs);
    this.#notBefore = now + pauseMs;
    this.#nextMs = Math.min(2 * pauseMs, longestMs);
  }
}
