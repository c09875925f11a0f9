import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { AdmitHandler } from '../admission/admit-handler.ts';
import { CheckpointFile } from '../checkpoint/checkpoint-file.ts';
import type { Clock } from '../clock.ts';
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

interface NodeShutdownParts {
  clock: Clock;
  metrics: ShutdownMetrics;
  events: Pick<PodEvents, 'recordNode'>;
  /** Those of all pods of the node. */
  workers(): PodWorker[];
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
  readonly #workers: () => PodWorker[];
  #begun = false;

  constructor({ shutdown, kubeletRoot, log }: KubeletOptions, { clock, metrics, events, workers }: NodeShutdownParts) {
    this.#options = { ...defaultShutdown, ...shutdown };
    this.#clock = clock;
    this.#log = log;
    this.#metrics = metrics;
    this.#events = events;
    this.#stateFile = new CheckpointFile(join(kubeletRoot, 'graceful_node_shutdown_state'));
    this.#workers = workers;
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

  /** Ends the pods; `hurry` ends all grace periods. Gives a message for each pod that didn't end in its time. */
  async run(hurry: AbortSignal): Promise<string[]> {
    this.#begun = true;
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

  async #endGroup({ seconds, pods }: ShutdownGroup<PodWorker>, hurry: AbortSignal): Promise<string[]> {
    for (const { pod: worker, gracePeriodSeconds } of pods) {
      const grace = hurry.aborted ? 0 : gracePeriodSeconds;
      worker.evict({
        reason: shutdownReason,
        message: shutdownMessage,
        disruption: shutdownMessage,
        gracePeriodSeconds: grace,
        toldOfNode: true,
      });
    }
    const over = Promise.withResolvers<void>();
    const cancel = this.#clock.after(seconds * 1000, over.resolve);
    const alive = () => pods.filter(({ pod: worker }) => worker.active);
    let late = false;
    void over.promise.then(() => {
      late = true;
    });
    while (alive().length > 0 && !late && !hurry.aborted) await untilDue(this.#clock, lookMs, hurry);
    cancel();
    return alive().map(({ pod: { pod } }) => `pod ${fullNameOf(pod)} didn't end within ${seconds} s of the node's shutdown`);
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

/** In seconds; 0 for Go's zero time. */
function unixTime(time: string): number {
  return time === zeroTime ? 0 : Date.parse(time) / 1000;
}
