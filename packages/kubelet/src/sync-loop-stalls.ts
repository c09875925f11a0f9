import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What the sync loop's stalls are told to: a gauge of seconds. */
export type SetStall = (seconds: number) => void;

/** Timers fire this much late on an idle loop: what the histogram samples. */
const resolutionMs = 20;

/**
 * How long the sync loop was held up at worst, since it began: by the handling of one event, or by anything else in this process, since all of it
 * shares one thread.
 */
export class SyncLoopStalls {
  readonly #delays = monitorEventLoopDelay({ resolution: resolutionMs });
  readonly #tell: SetStall;
  #longestMs = 0;
  #lastHandledAt = performance.now();

  /** `tell` is called with each new maximum, in seconds. */
  constructor(tell: SetStall = () => {}) {
    this.#tell = tell;
  }

  start(): void {
    this.#delays.enable();
    this.#lastHandledAt = performance.now();
  }

  stop(): void {
    this.#delays.disable();
  }

  /** Handles an event, and takes its time. */
  measure(handle: () => void): void {
    const begunAt = performance.now();
    handle();
    this.#lastHandledAt = performance.now();
    this.#note(this.#lastHandledAt - begunAt);
    this.#note(this.#delays.max / 1e6 - resolutionMs);
    this.#delays.reset();
  }

  /** Since the last event was handled; housekeeping alone is one each 2 s. */
  get idleSeconds(): number {
    return (performance.now() - this.#lastHandledAt) / 1000;
  }

  #note(ms: number): void {
    if (!(ms > this.#longestMs)) return;
    this.#longestMs = ms;
    this.#tell(ms / 1000);
  }
}
