/** What one sleeper waits for. A ring while nobody waits is kept for the next wait; several are one. */
export class Bell {
  #rung = Promise.withResolvers<void>();

  ring(): void {
    this.#rung.resolve();
  }

  /** Until it has rung since the wait before, or `signal` aborts. */
  async wait(signal?: AbortSignal): Promise<void> {
    const ring = () => this.ring();
    signal?.addEventListener('abort', ring);
    if (signal?.aborted) ring();
    await this.#rung.promise;
    signal?.removeEventListener('abort', ring);
    this.#rung = Promise.withResolvers();
  }
}
