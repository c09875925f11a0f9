import { PluginError } from '@berth/sdk/errors';

/** As many events may wait for one listener. */
const defaultQueueLength = 1000;

/** Tells every listener what happens from the moment it began to listen, in order. One that reads too slowly is ended, so that memory stays bounded. */
export class Listeners<Event> {
  readonly #queues = new Set<Queue<Event>>();
  readonly #queueLength: number;

  constructor(queueLength = defaultQueueLength) {
    this.#queueLength = queueLength;
  }

  get any(): boolean {
    return this.#queues.size > 0;
  }

  tell(event: Event): void {
    for (const queue of this.#queues) queue.push(event);
  }

  /** Until `signal` is aborted. RESOURCE_EXHAUSTED for a listener that has fallen too far behind, once it has read what it was told in time. */
  async *listen(signal: AbortSignal): AsyncGenerator<Event> {
    const queue = new Queue<Event>(this.#queueLength);
    this.#queues.add(queue);
    try {
      yield* queue.read(signal);
    } finally {
      this.#queues.delete(queue);
    }
  }
}

class Queue<Event> {
  readonly #waiting: Event[] = [];
  readonly #limit: number;
  #overflown = false;
  #wake: (() => void) | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** After the first event that has no room the rest would be a stream with a gap, so none follows. */
  push(event: Event): void {
    this.#overflown ||= this.#waiting.length >= this.#limit;
    if (!this.#overflown) this.#waiting.push(event);
    this.#wake?.();
  }

  async *read(signal: AbortSignal): AsyncGenerator<Event> {
    while (!signal.aborted) {
      const event = this.#waiting.shift();
      if (event !== undefined) yield event;
      else if (this.#overflown) throw this.#tooSlow();
      else await this.#next(signal);
    }
  }

  async #next(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const wake = (): void => resolve();
    signal.addEventListener('abort', wake, { once: true });
    await promise;
    signal.removeEventListener('abort', wake);
  }

  #tooSlow(): PluginError {
    return new PluginError('RESOURCE_EXHAUSTED', `more than ${this.#limit} events were waiting to be read`, {
      object: 'stream of events',
      hint: 'list what there is, and listen again',
    });
  }
}
