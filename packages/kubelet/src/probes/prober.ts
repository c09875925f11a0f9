import type { Probe } from '@berth/api/objects';
import { onAbort } from '@berth/sdk/abort';
import { inTrace, newTrace } from '@berth/sdk/trace-context';
import type { Clock } from '../clock.ts';

interface ProberOptions {
  probe: Probe;
  clock: Clock;
  /** When the first run is due; the others follow after a period each. */
  firstAt: Date;
  /** One run: whether the probe succeeded; undefined where it couldn't be run, which counts for nothing. Doesn't throw. */
  run(signal: AbortSignal): Promise<boolean | undefined>;
  /** Called each time as many runs as the thresholds ask for have come out the same. */
  onVerdict(success: boolean): void;
}

/** Runs one probe of one container instance again and again, until it is stopped. */
export class Prober {
  readonly #options: ProberOptions;
  readonly #stopped = new AbortController();
  /** How often in a row the runs have come out as the last one did. */
  #sameInRow = 0;
  #last: boolean | undefined;

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /** Begins; call it once. Nothing of it is left once it has been stopped, but for a run that is being given up. */
  start(): void {
    // A trace of its own: what probes call isn't part of how the pod was made.
    void inTrace(newTrace(), () => this.#loop());
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #loop(): Promise<void> {
    const { clock, probe, firstAt } = this.#options;
    const { signal } = this.#stopped;
    let due = firstAt;
    while (await this.#reaches(due)) {
      const now = clock.now();
      const success = await this.#options.run(signal);
      if (signal.aborted) return;
      if (success !== undefined) this.#count(success);
      due = new Date(Math.max(due.getTime(), now.getTime()) + (probe.periodSeconds ?? 10) * 1000);
    }
  }

  #count(success: boolean): void {
    this.#sameInRow = success === this.#last ? this.#sameInRow + 1 : 1;
    this.#last = success;
    const { successThreshold = 1, failureThreshold = 3 } = this.#options.probe;
    if (this.#sameInRow >= (success ? successThreshold : failureThreshold)) this.#options.onVerdict(success);
  }

  /** Resolves with true at that time, or with false as soon as it is stopped. */
  async #reaches(time: Date): Promise<boolean> {
    const { signal } = this.#stopped;
    if (signal.aborted) return false;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(time.getTime() - this.#options.clock.now().getTime(), resolve);
    const unsubscribe = onAbort([signal], () => resolve());
    await promise;
    unsubscribe();
    cancel();
    return !signal.aborted;
  }
}
