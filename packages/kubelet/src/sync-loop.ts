import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { EventQueue } from './event-queue.ts';
import { Relist, type RelistOptions } from './pleg/relist.ts';
import type { PodWorkers } from './pod-workers.ts';
import type { RuntimeClient } from './runtime/runtime-client.ts';
import { MergedPods } from './sources/merged-pods.ts';
import type { PodSource, SourceUpdate } from './sources/pod-source.ts';

/** How often each stream speaks, in milliseconds. */
export interface Intervals {
  relistMs: number;
  syncMs: number;
  housekeepingMs: number;
}

/** kubelet's: genericPlegRelistPeriod, syncFrequency, housekeepingPeriod (kubelet/kubelet.go). */
export const defaultIntervals: Intervals = { relistMs: 1000, syncMs: 60_000, housekeepingMs: 2000 };

interface SyncLoopOptions {
  sources: PodSource[];
  runtimes: RuntimeClient[];
  workers: PodWorkers;
  intervals: Intervals;
  log: Logger;
  /** Called after a source has spoken. */
  onUpdate(): void;
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
  readonly #relists: Relist[];

  constructor(options: SyncLoopOptions) {
    this.#options = options;
    this.#sources = new MergedPods(options.sources.map(({ name }) => name));
    this.#relists = options.runtimes.map((client) => new Relist(this.#relistOptions(client)));
  }

  /** What the sources couldn't make a pod of. */
  get problems(): string[] {
    return this.#sources.problems;
  }

  /** Every source has been read at least once. */
  get sourcesReady(): boolean {
    return this.#sources.complete;
  }

  /** Runs until `signal` aborts, and returns when all streams have ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { sources, intervals } = this.#options;
    const streams = [
      ...sources.map((source) => this.#follow(source, signal)),
      ...this.#relists.map((relist) => relist.run(signal)),
      this.#repeat({ kind: 'tick' }, intervals.syncMs, signal),
      this.#repeat({ kind: 'housekeeping' }, intervals.housekeepingMs, signal),
    ];
    for await (const event of this.#events.read(signal)) this.#handle(event);
    await Promise.all(streams);
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
        workers.notifyAll();
        break;
      case 'housekeeping':
        if (this.sourcesReady) for (const relist of this.#relists) workers.endOrphans(relist.handler, relist.pods ?? []);
        workers.forgetFinished();
    }
  }

  async #follow(source: PodSource, signal: AbortSignal): Promise<void> {
    for await (const update of source.updates(signal)) {
      // Whoever runs the kubelet has them from `problems` too, and tells its user.
      for (const problem of update.problems) this.#options.log.warn({ source: source.name }, problem);
      this.#events.push({ kind: 'update', source: source.name, update });
    }
  }

  async #repeat(event: LoopEvent, everyMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await delay(everyMs, undefined, { signal }).catch(() => {});
      if (!signal.aborted) this.#events.push(event);
    }
  }

  #relistOptions(client: RuntimeClient): RelistOptions {
    const { intervals, log } = this.#options;
    return { client, log, intervalMs: intervals.relistMs, onChange: (uid) => this.#events.push({ kind: 'life-cycle', uid }) };
  }
}
