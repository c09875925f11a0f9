import { onAbort } from './abort.ts';

/** What one sleeper waits for. A ring while nobody waits is kept for the next wait; several are one. */
export class Bell {
  #rung = Promise.withResolvers<void>();

  ring(): void {
    this.#rung.resolve();
  }

  /** Until it has rung since the wait before, or `signal` aborts. */
  async wait(signal?: AbortSignal): Promise<void> {
    const unsubscribe = onAbort([signal], () => this.ring());
    await this.#rung.promise;
    unsubscribe();
    this.#rung = Promise.withResolvers();
  }
}
