import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { AdmitHandler } from '../admission/admit-handler.ts';
import type { Clock } from '../clock.ts';
import { fullNameOf } from '../pod.ts';
import type { PodWorker } from '../pod-worker.ts';
import { type ShutdownGroup, type ShutdownOptions, shutdownGroups, shutdownPeriods, shutdownReason } from './shutdown-groups.ts';

interface NodeShutdownOptions {
  options: ShutdownOptions;
  clock: Clock;
  log: Logger;
  /** When the last shutdown began and ended is kept here, for metrics. */
  stateFile: string;
  /** The pods of the node. */
  workers(): PodWorker[];
}

/** What an ended pod says, as kubelet has it (kubelet/nodeshutdown). */
const shutdownMessage = 'Pod was terminated in response to imminent node shutdown.';

/** How often it is looked whether a group's pods have ended. */
const lookMs = 50;

/** Graceful node shutdown: the node takes no pods any more, and ends those that it has by their priority. */
export class NodeShutdown {
  readonly #options: NodeShutdownOptions;
  #begun = false;

  constructor(options: NodeShutdownOptions) {
    this.#options = options;
  }

  /** It is configured: a node that is told to end ends its pods. */
  get enabled(): boolean {
    return shutdownPeriods(this.#options.options).length > 0;
  }

  /** Refuses every pod from the beginning of the shutdown on. */
  readonly admitHandler: AdmitHandler = {
    admit: () => (this.#begun ? { reason: 'NodeShutdown', message: 'Pod was rejected as the node is shutting down.' } : undefined),
  };

  /** Ends the pods; `hurry` ends all grace periods. Gives a message for each pod that didn't end in its time. */
  async run(hurry: AbortSignal): Promise<string[]> {
    const { options, workers, log } = this.#options;
    this.#begun = true;
    const startTime = this.#options.clock.now();
    await this.#writeState({ startTime, endTime: undefined });
    const left: string[] = [];
    const active = workers().filter((worker) => worker.active);
    for (const group of shutdownGroups(shutdownPeriods(options), active, ({ pod }) => pod)) {
      log.info({ pods: group.pods.length, seconds: group.seconds }, 'ending pods for the shutdown of the node');
      left.push(...(await this.#endGroup(group, hurry)));
    }
    await this.#writeState({ startTime, endTime: this.#options.clock.now() });
    return left;
  }

  async #endGroup({ seconds, pods }: ShutdownGroup<PodWorker>, hurry: AbortSignal): Promise<string[]> {
    for (const { pod: worker, gracePeriodSeconds } of pods) {
      const grace = hurry.aborted ? 0 : gracePeriodSeconds;
      worker.evict({ reason: shutdownReason, message: shutdownMessage, disruption: shutdownMessage, gracePeriodSeconds: grace });
    }
    const over = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(seconds * 1000, over.resolve);
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
    this.#options.clock.after(lookMs, resolve);
    return promise;
  }

  /** In the format of kubelet's graceful_node_shutdown_state. */
  async #writeState({ startTime, endTime }: { startTime: Date; endTime: Date | undefined }): Promise<void> {
    const { stateFile, log } = this.#options;
    try {
      await mkdir(dirname(stateFile), { recursive: true });
      await writeFile(`${stateFile}.tmp`, JSON.stringify({ startTime, endTime: endTime ?? '0001-01-01T00:00:00Z' }), { mode: 0o600 });
      await rename(`${stateFile}.tmp`, stateFile);
    } catch (thrown) {
      log.warn({ reason: PluginError.from(thrown).message }, "the state of the node's shutdown can't be kept");
    }
  }
}
