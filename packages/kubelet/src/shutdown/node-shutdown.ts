import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { AdmitHandler } from '../admission/admit-handler.ts';
import type { Clock } from '../clock.ts';
import type { KubeletOptions } from '../kubelet-options.ts';
import { fullNameOf } from '../pod.ts';
import type { PodWorker } from '../pod-workers/pod-worker.ts';
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

/** Graceful node shutdown: the node takes no pods any more, and ends those that it has by their priority. */
export class NodeShutdown {
  readonly #options: ShutdownOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** When the last shutdown began and ended is kept here, for metrics. */
  readonly #stateFile: string;
  readonly #workers: () => PodWorker[];
  #begun = false;

  /** `workers` are those of all pods of the node. */
  constructor({ shutdown, kubeletRoot, log }: KubeletOptions, clock: Clock, workers: () => PodWorker[]) {
    this.#options = { ...defaultShutdown, ...shutdown };
    this.#clock = clock;
    this.#log = log;
    this.#stateFile = join(kubeletRoot, 'graceful_node_shutdown_state');
    this.#workers = workers;
  }

  /** It is configured: a node that is told to end ends its pods. */
  get enabled(): boolean {
    return shutdownPeriods(this.#options).length > 0;
  }

  /** Refuses every pod from the beginning of the shutdown on. */
  readonly admitHandler: AdmitHandler = {
    admit: () => (this.#begun ? { reason: 'NodeShutdown', message: 'Pod was rejected as the node is shutting down.' } : undefined),
  };

  /** Ends the pods; `hurry` ends all grace periods. Gives a message for each pod that didn't end in its time. */
  async run(hurry: AbortSignal): Promise<string[]> {
    this.#begun = true;
    const startTime = this.#clock.now();
    await this.#writeState({ startTime, endTime: undefined });
    const left: string[] = [];
    const active = this.#workers().filter((worker) => worker.active);
    for (const group of shutdownGroups(shutdownPeriods(this.#options), active, ({ pod }) => pod)) {
      this.#log.info({ pods: group.pods.length, seconds: group.seconds }, 'ending pods for the shutdown of the node');
      left.push(...(await this.#endGroup(group, hurry)));
    }
    await this.#writeState({ startTime, endTime: this.#clock.now() });
    return left;
  }

  async #endGroup({ seconds, pods }: ShutdownGroup<PodWorker>, hurry: AbortSignal): Promise<string[]> {
    for (const { pod: worker, gracePeriodSeconds } of pods) {
      const grace = hurry.aborted ? 0 : gracePeriodSeconds;
      worker.evict({ reason: shutdownReason, message: shutdownMessage, disruption: shutdownMessage, gracePeriodSeconds: grace });
    }
    const over = Promise.withResolvers<void>();
    const cancel = this.#clock.after(seconds * 1000, over.resolve);
    const alive = () => pods.filter(({ pod: worker }) => worker.active);
    let late = false;
    void over.promise.then(() => {
      late = true;
    });
    while (alive().length > 0 && !late && !hurry.aborted) await this.#pause();
    cancel();
    return alive().map(({ pod: { pod } }) => `pod ${fullNameOf(pod)} didn't end within ${seconds} s of the node's shutdown`);
  }

  #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#clock.after(lookMs, resolve);
    return promise;
  }

  /** In the format of kubelet's graceful_node_shutdown_state. */
  async #writeState({ startTime, endTime }: { startTime: Date; endTime: Date | undefined }): Promise<void> {
    const file = this.#stateFile;
    try {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(`${file}.tmp`, JSON.stringify({ startTime, endTime: endTime ?? '0001-01-01T00:00:00Z' }), { mode: 0o600 });
      await rename(`${file}.tmp`, file);
    } catch (thrown) {
      this.#log.warn({ reason: PluginError.from(thrown).message }, "the state of the node's shutdown can't be kept");
    }
  }
}
