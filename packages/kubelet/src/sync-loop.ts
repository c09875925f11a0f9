import type { Logger } from 'pino';
import { type Clock, systemClock } from './clock.ts';
import { EventQueue } from './event-queue.ts';
import { Pleg, type PlegMetrics } from './pleg/pleg.ts';
import type { RuntimeCounts } from './pleg/runtime-contents.ts';
import type { PodWorkers } from './pod-workers/pod-workers.ts';
import type { RuntimeClient } from './runtime/runtime-client.ts';
import { MergedPods } from './sources/merged-pods.ts';
import type { PodSource, SourceUpdate } from './sources/pod-source.ts';
import { type SetStall, SyncLoopStalls } from './sync-loop-stalls.ts';
import { untilDue } from './until-due.ts';

/** How often each stream speaks, in milliseconds. */
export interface Intervals {
  /** Lists of a runtime that tells no events. */
  relistMs: number;
  /** Lists of one that does. */
  eventedRelistMs: number;
  syncMs: number;
  housekeepingMs: number;
}

/** kubelet's: genericPlegRelistPeriod, eventedPlegRelistPeriod, syncFrequency, housekeepingPeriod (kubelet/kubelet.go). */
export const defaultIntervals: Intervals = { relistMs: 1000, eventedRelistMs: 300_000, syncMs: 60_000, housekeepingMs: 2000 };

interface SyncLoopOptions {
  sources: PodSource[];
  runtimes: RuntimeClient[];
  workers: PodWorkers;
  intervals: Intervals;
  /** False: runtimes are only listed (the feature gate EventedPLEG). Default true. */
  evented?: boolean;
  clock?: Clock;
  log: Logger;
  metrics?: PlegMetrics;
  /** Called with each new maximum of the loop's stalls. */
  onStall?: SetStall;
  /** Called after a source has spoken. */
  onUpdate(): void;
  /** Called in each round of housekeeping once every source has spoken; must not wait. */
  onHousekeeping(): void;
}

type LoopEvent =
  | { kind: 'update'; source: string; update: SourceUpdate }
  | { kind: 'life-cycle'; uid: string }
  | { kind: 'tick' }
  | { kind: 'housekeeping' };

/**
 * Merges four streams (pod updates, life-cycle events, a timer, housekeeping) and hands each event to the pods' workers. Nothing in here
 * waits for a plugin.
 */
export class SyncLoop {
  readonly #options: SyncLoopOptions;
  readonly #events = new EventQueue<LoopEvent>();
  readonly #sources: MergedPods;
  readonly #plegs: Pleg[];
  readonly #clock: Clock;
  readonly stalls: SyncLoopStalls;

  constructor(options: SyncLoopOptions) {
    this.#options = options;
    this.#sources = new MergedPods(options.sources.map(({ name }) => name));
    this.#clock = options.clock ?? systemClock;
    this.stalls = new SyncLoopStalls(options.onStall);
    this.#plegs = options.runtimes.map((client) => this.#plegOf(client));
  }

  /** What the sources couldn't make a pod of. */
  get problems(): string[] {
    return this.#sources.problems;
  }

  /** Every source has been read at least once. */
  get sourcesReady(): boolean {
    return this.#sources.complete;
  }

  /** Whether a pod is wanted, has a worker, or is in a runtime; a runtime that hasn't been listed yet may have any. */
  knows(uid: string): boolean {
    const { workers } = this.#options;
    return workers.knows(uid) || this.#plegs.some((pleg) => pleg.pods?.some((pod) => pod.uid === uid) ?? true);
  }

  /** What is wrong with the loop or a runtime, a message each; none: the node is healthy (`/healthz/syncloop`, condition Ready). */
  unhealthy(): string[] {
    const { syncMs } = this.#options.intervals;
    const late = this.stalls.idleSeconds * 1000 > 2 * syncMs ? ['the sync loop is taking too long to handle an event'] : [];
    return [...late, ...this.#plegs.flatMap((pleg) => pleg.unhealthy(this.#clock.now()) ?? [])];
  }

  /** What the runtimes have, for each that is known. */
  runtimeCounts(): RuntimeCounts[] {
    return this.#plegs.map((pleg) => pleg.counts);
  }

  /** Runs until `signal` aborts, and returns when all streams have ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { sources, intervals } = this.#options;
    const streams = [
      ...sources.map((source) => this.#follow(source, signal)),
      ...this.#plegs.map((pleg) => pleg.run(signal)),
      this.#repeat({ kind: 'tick' }, intervals.syncMs, signal),
      this.#repeat({ kind: 'housekeeping' }, intervals.housekeepingMs, signal),
    ];
    this.stalls.start();
    for await (const event of this.#events.read(signal)) this.stalls.measure(() => this.#handleSafely(event));
    this.stalls.stop();
    await Promise.all(streams);
  }

  /** A fault of our own is one event's: the node goes on. */
  #handleSafely(event: LoopEvent): void {
    try {
      this.#handle(event);
    } catch (thrown) {
      this.#options.log.error({ err: thrown, event: event.kind }, 'the sync loop failed at an event');
    }
  }

  #handle(event: LoopEvent): void {
    const { workers } = this.#options;
    switch (event.kind) {
      case 'update':
        this.#sources.set(event.source, event.update);
        workers.want(this.#sources.pods);
        this.#options.onUpdate();
        break;
      case 'life-cycle':
        workers.notify(event.uid);
        break;
      case 'tick':
        workers.refreshAll();
        break;
      case 'housekeeping':
        if (this.sourcesReady) this.#endLeftOvers();
        workers.forgetFinished();
        if (this.sourcesReady) this.#options.onHousekeeping();
    }
  }

  #endLeftOvers(): void {
    const { workers } = this.#options;
    for (const pleg of this.#plegs) workers.endOrphans(pleg.handler, pleg.pods ?? []);
    workers.endRemembered(this.#plegs.map((pleg) => pleg.handler));
  }

  async #follow(source: PodSource, signal: AbortSignal): Promise<void> {
    let before: string[] = [];
    for await (const update of source.updates(signal)) {
      // Whoever runs the kubelet has them from `problems` too, and tells its user.
      for (const problem of update.problems) if (!before.includes(problem)) this.#options.log.warn({ source: source.name }, problem);
      before = update.problems;
      this.#events.push({ kind: 'update', source: source.name, update });
    }
  }

  async #repeat(event: LoopEvent, everyMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await untilDue(this.#clock, everyMs, signal);
      if (!signal.aborted) this.#events.push(event);
    }
  }

  #plegOf(client: RuntimeClient): Pleg {
    const { intervals, evented = true, log, metrics } = this.#options;
    const { relistMs, eventedRelistMs } = intervals;
    const onChange = (uid: string) => this.#events.push({ kind: 'life-cycle', uid });
    return new Pleg({ client, log, clock: this.#clock, relistMs, eventedRelistMs, evented, metrics, onChange });
  }
}
