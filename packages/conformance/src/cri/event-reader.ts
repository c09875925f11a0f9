import { setTimeout as sleep } from 'node:timers/promises';
import { SkipCase } from '../suite.ts';
import type { ContainerEvent } from './messages.ts';
import type { CriTarget } from './target.ts';

const pollMs = 20;

/** How long a stream may take to tell of a container that came and went before another one does. */
const patienceMs = 1000;

/** One client's stream of events. */
export class EventReader {
  readonly events: ContainerEvent[] = [];
  readonly #done = new AbortController();
  readonly #signal: AbortSignal;
  readonly #reading: Promise<void>;
  /** How the stream ended by itself. */
  #end: { error?: unknown } | undefined;

  private constructor(target: CriTarget, signal: AbortSignal) {
    this.#signal = signal;
    this.#reading = this.#read(target);
  }

  /** Resolves once events come. A stream has no answer that says that it has begun, so containers come and go until it tells of one. */
  static async open(target: CriTarget, signal: AbortSignal): Promise<EventReader> {
    const reader = new EventReader(target, signal);
    try {
      while (reader.events.length === 0) {
        await target.withContainer({}, async () => undefined);
        const deadline = Date.now() + patienceMs;
        while (reader.events.length === 0 && Date.now() < deadline) await reader.#wait();
      }
      return reader;
    } catch (error) {
      await reader.close();
      throw error;
    }
  }

  /** The types of the events of one container, in their order. */
  typesOf(id: string): ContainerEvent['containerEventType'][] {
    return this.of(id).map(({ containerEventType }) => containerEventType);
  }

  of(id: string): ContainerEvent[] {
    return this.events.filter(({ containerId }) => containerId === id);
  }

  /** Waits for an event of that type about that container. */
  async told(id: string, type: ContainerEvent['containerEventType']): Promise<ContainerEvent> {
    for (;;) {
      const event = this.of(id).find(({ containerEventType }) => containerEventType === type);
      if (event) return event;
      await this.#wait();
    }
  }

  async close(): Promise<void> {
    this.#done.abort();
    await this.#reading;
  }

  async #read(target: CriTarget): Promise<void> {
    try {
      const signal = AbortSignal.any([this.#done.signal, this.#signal]);
      for await (const event of target.client.GetContainerEvents({}, { signal })) this.events.push(event);
      this.#end = {};
    } catch (error) {
      this.#end = { error };
    }
  }

  async #wait(): Promise<void> {
    if (this.#end?.error instanceof SkipCase) throw this.#end.error;
    if (this.#signal.aborted) throw new Error(`the events that came are ${this.#told() || 'none'}`);
    if (this.#end) throw new Error(`the stream of events ended: ${(this.#end.error as Error | undefined)?.message ?? 'without an error'}`);
    await sleep(pollMs);
  }

  #told(): string {
    return this.events.map(({ containerEventType }) => containerEventType).join(', ');
  }
}
