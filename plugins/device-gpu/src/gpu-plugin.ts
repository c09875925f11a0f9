import { devicePlugin } from '@berth/sdk/device';
import { Latest } from '@berth/sdk/latest';
import { runTogether, type TaskGroup } from '@berth/sdk/task-group';
import { usesCdi } from './allocation/allocation.ts';
import { AllocationFileFinder } from './allocation/allocation-file-finder.ts';
import { CdiFile, toolFits } from './allocation/cdi-file.ts';
import type { Settings } from './configuration.ts';
import type { GpuSource } from './discovery/gpu-source.ts';
import { GpuWatch } from './gpu-watch.ts';
import { DeviceHealth } from './health/device-health.ts';
import type { HostRoot } from './host-root.ts';
import { allocationRules, OfferedGpus } from './offered-gpus.ts';
import { ToldOnce } from './told-once.ts';

/** What a plugin works with. */
export interface GpuPluginParts {
  settings: Settings;
  host: HostRoot;
  source: GpuSource;
  log(message: string): void;
}

/** Offers the GPUs of a host to a kubelet, a device plugin for each resource, as they come, go, fall ill and recover. */
export class GpuPlugin {
  readonly #parts: GpuPluginParts;
  readonly #offered = new Latest<OfferedGpus>();
  /** The resources that have been begun with. */
  readonly #running = new Set<string>();
  readonly #fileFinder: AllocationFileFinder;
  readonly #cdi: CdiFile | undefined;
  readonly #told: ToldOnce;

  constructor(parts: GpuPluginParts) {
    const { settings, host, source, log } = parts;
    this.#parts = parts;
    this.#told = new ToldOnce(log);
    this.#fileFinder = new AllocationFileFinder(host, settings);
    const { cdiKind: kind } = allocationRules(settings);
    if (usesCdi(settings))
      this.#cdi = new CdiFile({ directory: settings.cdiRoot, kind, useTool: toolFits({ ...settings, source: source.name }), log });
  }

  /** Until `signal` aborts; then no socket is left. Rejects where it can't go on. */
  async run(signal: AbortSignal): Promise<void> {
    await runTogether(signal, (group) => this.#serve(group));
  }

  async #serve(group: TaskGroup): Promise<void> {
    const { signal } = group;
    const tell = (message: string): void => this.#told.tell(message);
    for await (const snapshot of watchOf({ ...this.#parts, log: tell }).snapshots(signal)) {
      const offered = new OfferedGpus(snapshot, this.#parts.settings);
      this.#tellOf(offered);
      // Before the kubelet knows of them: a container may start at once, and isn't to wait for the linker's cache to be read.
      if (this.#cdi) await this.#cdi.write(offered.units, await this.#fileFinder.current(signal), signal);
      else if (this.#offered.value === undefined) await this.#fileFinder.current(signal);
      this.#offered.publish(offered);
      for (const { name } of offered.offer.resources) this.#ensureRunning(name, offered, group);
    }
  }

  #tellOf({ snapshot, offer }: OfferedGpus): void {
    const ill = [...snapshot.problems].map(([id, problem]) => `${id} is unhealthy: ${problem}`);
    this.#told.are([...ill, ...offer.problems, ...(snapshot.gpus.length === 0 ? ['there are no GPUs here so far'] : [])]);
  }

  #ensureRunning(name: string, first: OfferedGpus, group: TaskGroup): void {
    if (this.#running.has(name)) return;
    this.#running.add(name);
    group.start(() => this.#runResource(name, first, group.signal));
  }

  async #runResource(name: string, first: OfferedGpus, signal: AbortSignal): Promise<void> {
    const { settings, log } = this.#parts;
    const offered = this.#offered;
    const latestOffer = (): OfferedGpus => offered.value ?? first;
    const plugin = devicePlugin({
      resourceName: name,
      async *list(ended) {
        for await (const each of offered.watch(ended)) yield each.describe(name);
      },
      allocate: async (ids, called) => latestOffer().allocate(name, ids, allocationRules(settings), await this.#fileFinder.current(called)),
      preferred: (request) => latestOffer().prefer(name, request),
    });
    const { pluginDirectory: directory, allowedUids } = settings;
    await plugin.run({ signal, directory, allowedUids, log: (message) => log(`${name}: ${message}`) });
  }
}

/** What looks at the GPUs by these settings. */
export function watchOf({ settings, host, source, log }: GpuPluginParts): GpuWatch {
  const { ignoredXids, recoverAfterSeconds, intervalSeconds } = settings;
  const health = new DeviceHealth({ ignoredXids, recoverAfterMs: recoverAfterSeconds * 1000 });
  return new GpuWatch({ source, host, health, intervalMs: intervalSeconds * 1000, log });
}
