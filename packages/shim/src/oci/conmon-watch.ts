import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { BundledContainer, MonitoredContainers } from './monitored.ts';

interface ConmonWatchOptions {
  containers: MonitoredContainers;
  /** Those that ought to be watched: created, and not being removed. */
  watched(): BundledContainer[];
  log: Logger;
  intervalMs: number;
}

/**
 * Ends containers whose conmon has died: what they print is lost from then on, and nobody would tell how they end. Their exit file is
 * written, so that they are seen to have ended.
 */
export class ConmonWatch {
  readonly #options: ConmonWatchOptions;
  /** Ids of those that nobody watched at the last look: conmon may just have been about to write the exit file. */
  #alone = new Set<string>();

  constructor(options: ConmonWatchOptions) {
    this.#options = options;
  }

  /** Looks again and again, until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await delay(this.#options.intervalMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (!signal.aborted) await this.#look(signal);
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { containers, watched, log } = this.#options;
    const alone = new Set<string>();
    for (const container of watched()) {
      try {
        if (!(await containers.isUnwatched(container))) continue;
        if (!this.#alone.has(container.id)) alone.add(container.id);
        else await containers.end(container, signal);
      } catch (err) {
        if (!signal.aborted) log.error({ err, containerId: container.id }, 'could not end a container whose conmon has died');
      }
    }
    this.#alone = alone;
  }
}
