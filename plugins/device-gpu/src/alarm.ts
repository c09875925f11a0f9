import { setTimeout as sleep } from 'node:timers/promises';
import { onAbort } from '@berth/sdk/abort';

/** Wakes whoever waits; what rings while nobody waits wakes the next one. */
export class Alarm {
  #rung = Promise.withResolvers<void>();
  #isRung = false;

  ring(): void {
    this.#isRung = true;
    this.#rung.resolve();
  }

  /** Waits until it rings, `ms` at most, and until `signal` aborts. Gives whether it rang. */
  async within(ms: number, signal: AbortSignal): Promise<boolean> {
    const over = new AbortController();
    const release = onAbort([signal], () => over.abort());
    await Promise.race([this.#rung.promise, sleep(ms, undefined, { signal: over.signal }).catch(() => undefined)]);
    release();
    over.abort();
    const rang = this.#isRung;
    this.#isRung = false;
    this.#rung = Promise.withResolvers();
    return rang;
  }
}
