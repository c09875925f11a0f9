import { join } from 'node:path';
import { neverAborted } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { AdmitHandler } from '../admission/admit-handler.ts';
import { CheckpointFile } from '../checkpoint/checkpoint-file.ts';
import type { Clock } from '../clock.ts';
import { endMarginMs } from '../end-pods.ts';
import type { KubeletOptions } from '../kubelet-options.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { fullNameOf } from '../pod.ts';
import type { PodEvents } from '../pod-events.ts';
import type { PodWorker } from '../pod-workers/pod-worker.ts';
import { untilDue } from '../until-due.ts';
import {
  defaultShutdown,
  type ShutdownGroup,
  type ShutdownOptions,
  shutdownGroups,
  shutdownPeriods,
  shutdownReason,
} from './shutdown-groups.ts';

/** What an ended pod says, as kubelet has it (kubelet/nodeshutdown). */
const shutdownMessage = 'Pod was terminated in response to imminent node shutdown.';

/** How often it is looked whether a group's pods have ended. */
const lookMs = 50;

/** Go's way to write that there is no time. */
const zeroTime = '0001-01-01T00:00:00Z';

interface ShutdownState {
  startTime: string;
  endTime: string;
}

type ShutdownMetrics = Pick<KubeletMetrics, 'gracefulShutdownStart' | 'gracefulShutdownEnd'>;

/** What the shutdown has to know of a pod's worker. */
type ShutdownWorker = Pick<PodWorker, 'pod' | 'active' | 'evict' | 'terminate' | 'terminatingSince'>;

interface NodeShutdownParts {
  clock: Clock;
  metrics: ShutdownMetrics;
  events: Pick<PodEvents, 'recordNode'>;
  /** Those of all pods of the node. */
  workers(): ShutdownWorker[];
  /** The shutdown has begun: who shows the node looks at it again. */
  onBegin(): void;
}

/** Graceful node shutdown: the node takes no pods any more, and ends those that it has by their priority. */
export class NodeShutdown {
  readonly #options: ShutdownOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #metrics: ShutdownMetrics;
  readonly #events: NodeShutdownParts['events'];
  /** When the last shutdown began and ended, in the format of kubelet's graceful_node_shutdown_state. */
  readonly #stateFile: CheckpointFile;
  readonly #workers: () => ShutdownWorker[];
  readonly #onBegin: () => void;
  #begun = false;

  constructor(
    { shutdown, kubeletRoot, log }: Pick<KubeletOptions, 'shutdown' | 'kubeletRoot' | 'log'>,
    { clock, metrics, events, workers, onBegin }: NodeShutdownParts,
  ) {
    this.#options = { ...defaultShutdown, ...shutdown };
    this.#clock = clock;
    this.#log = log;
    this.#metrics = metrics;
    this.#events = events;
    this.#stateFile = new CheckpointFile(join(kubeletRoot, 'graceful_node_shutdown_state'));
    this.#workers = workers;
    this.#onBegin = onBegin;
  }

  /** It is configured: a node that is told to end ends its pods. */
  get enabled(): boolean {
    return shutdownPeriods(this.#options).length > 0;
  }

  /** Tells when the node was shut down the last time, by the kubelet before this one. */
  start(): void {
    try {
      this.#tell(JSON.parse(this.#stateFile.read() ?? '{}') as Partial<ShutdownState>);
    } catch (thrown) {
      this.#log.warn({ reason: PluginError.from(thrown).message }, "the state of the node's last shutdown can't be read");
    }
  }

  /** Refuses every pod from the beginning of the shutdown on. */
  readonly admitHandler: AdmitHandler = {
    admit: () => (this.#begun ? { reason: 'NodeShutdown', message: 'Pod was rejected as the node is shutting down.' } : undefined),
  };

  /** Why the node isn't ready, in kubelet's words. */
  problems(): string[] {
    return this.#begun ? ['node is shutting down'] : [];
  }

  /** Ends the pods; `hurry` ends all grace periods. Gives a message for each pod that didn't end in its time. */
  async run(hurry: AbortSignal): Promise<string[]> {
    this.#begun = true;
    this.#onBegin();
    this.#events.recordNode('Normal', 'Shutdown', 'Shutdown manager detected shutdown event');
    const startTime = this.#clock.now();
    this.#keep({ startTime: startTime.toISOString(), endTime: zeroTime });
    const left: string[] = [];
    const active = this.#workers().filter((worker) => worker.active);
    for (const group of shutdownGroups(shutdownPeriods(this.#options), active, ({ pod }) => pod)) {
      this.#log.info({ pods: group.pods.length, seconds: group.seconds }, 'ending pods for the shutdown of the node');
      left.push(...(await this.#endGroup(group, hurry)));
    }
    this.#keep({ startTime: startTime.toISOString(), endTime: this.#clock.now().toISOString() });
    return left;
  }

  /**
   * A pod that ignores SIGTERM is killed just when its group's time is over: the group is waited for a little longer, so that no container
   * outlives the kubelet that has told of its end.
   */
  async #endGroup({ seconds, pods }: ShutdownGroup<ShutdownWorker>, hurry: AbortSignal): Promise<string[]> {
    for (const { pod: worker, gracePeriodSeconds } of pods) evict(worker, hurry.aborted ? 0 : gracePeriodSeconds);
    const alive = () => pods.map(({ pod: worker }) => worker).filter(({ active }) => active);
    await this.#wait(() => alive().length > 0, seconds * 1000 + endMarginMs, hurry);
    if (hurry.aborted) {
      for (const worker of alive()) evict(worker, 0);
      await this.#wait(() => alive().length > 0, endMarginMs, neverAborted);
    }
    return alive().map(({ pod }) => `pod ${fullNameOf(pod)} didn't end within ${seconds} s of the node's shutdown`);
  }

  /** Waits as long as `isSo`, at most for `limitMs`. */
  async #wait(isSo: () => boolean, limitMs: number, signal: AbortSignal): Promise<void> {
    const deadline = this.#clock.now().getTime() + limitMs;
    while (isSo() && !signal.aborted && this.#clock.now().getTime() < deadline) await untilDue(this.#clock, lookMs, signal);
  }

  #keep(state: ShutdownState): void {
    this.#tell(state);
    try {
      this.#stateFile.write(JSON.stringify(state));
    } catch (thrown) {
      this.#log.warn({ reason: PluginError.from(thrown).message }, "the state of the node's shutdown can't be kept");
    }
  }

  #tell({ startTime = zeroTime, endTime = zeroTime }: Partial<ShutdownState>): void {
    this.#metrics.gracefulShutdownStart.set(unixTime(startTime));
    this.#metrics.gracefulShutdownEnd.set(unixTime(endTime));
  }
}

/** A pod that is ending already ends as soon. */
function evict(worker: ShutdownWorker, gracePeriodSeconds: number): void {
  if (worker.terminatingSince) worker.terminate(gracePeriodSeconds);
  worker.evict({ reason: shutdownReason, message: shutdownMessage, disruption: shutdownMessage, gracePeriodSeconds, toldOfNode: true });
}

/** In seconds; 0 for Go's zero time. */
function unixTime(time: string): number {
  return time === zeroTime ? 0 : Date.parse(time) / 1000;
}
