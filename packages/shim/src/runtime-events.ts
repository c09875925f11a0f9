import type { RuntimeEvent } from './runtime.ts';

/** The events of a runtime on their way to the shim: none is lost, also of those that come while nobody reads. One reader at a time. */
export class RuntimeEvents {
  readonly #unread: RuntimeEvent[] = [];
  #wake: (() => void) | undefined;

  push(event: RuntimeEvent): void {
    this.#unread.push(event);
    this.#wake?.();
  }

  /** As Runtime.events: in the order of `push`, until `signal` is aborted. What a reader didn't take is the next one's. */
  async *read(signal: AbortSignal): AsyncGenerator<RuntimeEvent> {
    while (!signal.aborted) {
      const event = this.#unread.shift();
      if (event) yield event;
      else await this.#next(signal);
    }
  }

  /** Resolves at the next event, or when `signal` is aborted. */
  async #next(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    this.#wake = wake;
    signal.addEventListener('abort', wake, { once: true });
    await promise;
    signal.removeEventListener('abort', wake);
  }
}
