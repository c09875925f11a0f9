import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';

/** Something that is tidied up from time to time. */
interface GarbageCollector {
  /** One turn; throws what couldn't be done. */
  collect(signal: AbortSignal): Promise<void>;
}

interface PeriodicGcOptions {
  collector: GarbageCollector;
  /** From the end of one turn to the begin of the next. */
  periodMs: number;
  /** For the log and events: `image garbage collection`. */
  name: string;
  clock: Clock;
  log: Logger;
  /** Called when it fails a second time in a row: after a start the figures may not be there yet. */
  onFailure?(message: string): void;
}

/** Lets a collector take its turns, one at a time, until it is stopped. */
export class PeriodicGc {
  readonly #options: PeriodicGcOptions;
  readonly #end = new AbortController();
  #failures = 0;
  #turn: Promise<void> | undefined;
  #cancel: (() => void) | undefined;

  constructor(options: PeriodicGcOptions) {
    this.#options = options;
  }

  /** The first turn comes after one period. */
  start(): void {
    this.#cancel = this.#options.clock.after(this.#options.periodMs, () => {
      this.#turn = this.#take().finally(() => {
        if (!this.#end.signal.aborted) this.start();
      });
    });
  }

  /** Resolves when no turn is under way any more. */
  async stop(): Promise<void> {
    this.#end.abort(new PluginError('CANCELLED', 'the kubelet is stopping'));
    this.#cancel?.();
    await this.#turn;
  }

  async #take(): Promise<void> {
    const { collector, name, log, onFailure } = this.#options;
    try {
      await collector.collect(this.#end.signal);
      this.#failures = 0;
    } catch (thrown) {
      if (this.#end.signal.aborted) return;
      const { message } = PluginError.from(thrown);
      log.warn({ failures: ++this.#failures }, `${name} failed: ${message}`);
      if (this.#failures > 1) onFailure?.(message);
    }
  }
}
