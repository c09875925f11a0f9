import { setTimeout as sleep } from 'node:timers/promises';
import { Bell } from '@berth/sdk/bell';
import { type DeviceAllocation, type DeviceDescription, type DevicePluginDefinition, devicePlugin } from '@berth/sdk/device';

/** A device plugin of the author's kit whose devices and answers a test says. */
export class TestDevicePlugin {
  /** What was asked of it, in order: `Allocate a,b`. */
  readonly calls: string[] = [];
  /** How long Allocate takes. */
  delayMs = 0;
  /** What Allocate answers; may throw. */
  answer: (ids: readonly string[]) => DeviceAllocation = (ids) => ({ envs: { DEVICES: ids.join() } });
  readonly #definition: DevicePluginDefinition;
  readonly #directory: string;
  readonly #socketName: string | undefined;
  readonly #changed = new Bell();
  #devices: readonly DeviceDescription[] = [];
  #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(directory: string, resourceName: string, options: Partial<DevicePluginDefinition> & { socketName?: string } = {}) {
    const { socketName, ...definition } = options;
    this.#directory = directory;
    this.#socketName = socketName;
    this.#definition = {
      resourceName,
      list: (signal) => this.#list(signal),
      allocate: async (ids) => {
        this.calls.push(`Allocate ${ids.join()}`);
        if (this.delayMs > 0) await sleep(this.delayMs);
        return this.answer(ids);
      },
      ...definition,
    };
  }

  /** Tells of these devices from now on. */
  set devices(devices: readonly (string | DeviceDescription)[]) {
    this.#devices = devices.map((device) => (typeof device === 'string' ? { id: device } : device));
    this.#changed.ring();
  }

  start(): this {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#running = devicePlugin(this.#definition).run({
      signal,
      directory: this.#directory,
      log: () => {},
      ...(this.#socketName && { socketName: this.#socketName }),
    });
    return this;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async *#list(signal: AbortSignal): AsyncGenerator<readonly DeviceDescription[], void> {
    while (!signal.aborted) {
      yield this.#devices;
      await this.#changed.wait(signal);
    }
  }
}
