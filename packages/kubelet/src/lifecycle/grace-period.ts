/** A timer may ring in the millisecond before its time: a sleep of a second takes one. */
const timerEarlyMs = 1;

/** What a container has left of its grace period: each step takes the whole seconds that it lasted, as with kubelet. */
export class GracePeriod {
  #seconds: number;

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  /** What is left: not more than 0 where it is over. */
  get seconds(): number {
    return this.#seconds;
  }

  /** Does a step, whose signal aborts when the period is over; nothing where it is over already. */
  async spend(step: (limit: AbortSignal) => Promise<void>): Promise<void> {
    if (this.#seconds <= 0) return;
    const startedAt = performance.now();
    try {
      await step(AbortSignal.timeout(this.#seconds * 1000));
    } finally {
      this.#seconds -= Math.floor((performance.now() - startedAt + timerEarlyMs) / 1000);
    }
  }
}
