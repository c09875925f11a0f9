import { Bell } from '@berth/sdk/bell';
import type { ContainerEventResponse } from '@berth/sdk/cri';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { podUidLabel } from '../cri/labels.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import { untilDue } from '../until-due.ts';
import { ContainerEvents } from './container-events.ts';
import { Relist } from './relist.ts';
import type { ListedPod, RuntimeCounts } from './runtime-contents.ts';

/** How one runtime's life-cycle events are come by. Times are milliseconds. */
export interface PlegOptions {
  client: RuntimeClient;
  log: Logger;
  clock: Clock;
  /** Between two lists without events. */
  relistMs: number;
  /** Between two lists while events are followed. */
  eventedRelistMs: number;
  /** False: only lists (the feature gate EventedPLEG). */
  evented: boolean;
  metrics?: PlegMetrics;
  /** Called for each pod of which something has changed. */
  onChange(uid: string): void;
}

/** What lists are counted in. */
export type PlegMetrics = Pick<KubeletMetrics, 'plegRelistDuration' | 'plegRelistInterval' | 'plegLastSeen'>;

/** kubelet's (kubelet/kubelet.go: genericPlegRelistThreshold, eventedPlegRelistThreshold). */
const [listThresholdMs, eventedThresholdMs] = [3 * 60_000, 10 * 60_000];
/** What happened while a stream began is in none of its events: so many lists more find it. */
const listsAfterStart = 3;

/**
 * The pod life-cycle event generator of one runtime: follows its events, and lists everything now and then in case one was lost; a runtime
 * without events is listed each `relistMs`, for a reason that is logged once.
 */
export class Pleg {
  readonly #options: PlegOptions;
  readonly #relist: Relist;
  readonly #due = new Bell();
  /** Lists that are still due at the short interval. */
  #eager = listsAfterStart;
  #following = false;
  #listedAt: Date;

  constructor(options: PlegOptions) {
    this.#options = options;
    const { client, log, relistMs, onChange } = options;
    this.#relist = new Relist({ client, log, intervalMs: relistMs, onChange });
    this.#listedAt = options.clock.now();
  }

  get handler(): string {
    return this.#options.client.handler;
  }

  /** The pods that the runtime has; undefined until it has been listed. */
  get pods(): ListedPod[] | undefined {
    return this.#relist.pods;
  }

  /** What the runtime has, as far as it is known. */
  get counts(): RuntimeCounts {
    return this.#relist.counts;
  }

  /** Events are followed, rather than lists made. */
  get evented(): boolean {
    return this.#following;
  }

  /** Why the runtime can't be taken for healthy, as in the node's condition Ready; undefined: it can. */
  unhealthy(now: Date): string | undefined {
    const threshold = this.#following ? eventedThresholdMs : listThresholdMs;
    const elapsed = now.getTime() - this.#listedAt.getTime();
    if (elapsed <= threshold) return undefined;
    return `PLEG is not healthy: pleg of runtime ${this.handler} was last seen active ${Math.round(elapsed / 1000)}s ago; threshold is ${threshold / 60_000}m0s`;
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#list(signal), this.#options.evented && this.#follow(signal)]);
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { clock, relistMs, eventedRelistMs } = this.#options;
    while (!signal.aborted) {
      const begunAt = clock.now();
      if (await this.#relist.list(signal)) this.#listed(begunAt);
      const eager = !this.#following || this.#eager-- > 0;
      const cancel = clock.after(eager ? relistMs : eventedRelistMs, () => this.#due.ring());
      await this.#due.wait(signal);
      cancel();
    }
  }

  #listed(begunAt: Date): void {
    const { clock, metrics } = this.#options;
    const endedAt = clock.now();
    metrics?.plegRelistDuration.observe((endedAt.getTime() - begunAt.getTime()) / 1000);
    metrics?.plegRelistInterval.observe((endedAt.getTime() - this.#listedAt.getTime()) / 1000);
    metrics?.plegLastSeen.set(endedAt.getTime() / 1000);
    this.#listedAt = endedAt;
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { client, log } = this.#options;
    await this.#started(signal);
    const events = new ContainerEvents({
      client,
      onEvent: (event) => this.#take(event),
      onFollowing: (following) => this.#turn(following),
    });
    const why = await events.run(signal);
    if (why !== undefined)
      log.info({ handler: this.handler, reason: why }, `runtime ${this.handler} is listed every ${this.#options.relistMs} ms: ${why}`);
  }

  /** A runtime that runs on demand has no events before it does. */
  async #started(signal: AbortSignal): Promise<void> {
    const { client, clock, relistMs } = this.#options;
    while (client.onDemand?.started === false && !signal.aborted) await untilDue(clock, relistMs, signal);
  }

  #turn(following: boolean): void {
    this.#following = following;
    this.#eager = listsAfterStart;
    this.#due.ring();
  }

  #take(event: ContainerEventResponse): void {
    this.#relist.take(event);
    const uid = event.podSandboxStatus?.labels[podUidLabel] ?? event.containersStatuses[0]?.labels[podUidLabel];
    if (uid) this.#options.onChange(uid);
    else this.#due.ring();
  }
}
