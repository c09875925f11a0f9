import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { devicePluginHandler } from '@berth/sdk/device/plugin-handler';
import { PluginError } from '@berth/sdk/errors';
import { PluginWatcher } from '@berth/sdk/plugin-watcher';
import type { PluginHandler } from '@berth/sdk/plugin-watcher/plugin-handler';
import type { Served } from '@berth/sdk/serve';
import type { Tap } from '@berth/sdk/tap';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { servePodResources } from '../pod-resources/pod-resources-server.ts';
import type { ResourceManagers } from '../topology-manager/resource-managers.ts';
import { DeviceManager } from './device-manager.ts';

interface NodeDevicesOptions {
  /** Sockets are in `device-plugins`, `plugins_registry` and `pod-resources` below. */
  kubeletRoot: string;
  /** Asked when there is something to know. */
  resourceManagers(): Pick<ResourceManagers, 'numaNodes' | 'ownOf' | 'allocatable'>;
  activePods(): Pod[];
  /** Of the host's run. */
  bootId: string;
  /** What the node has of devices has changed. */
  onChange(): void;
  /** Tells of what a person has to mend. */
  warn(reason: string, message: string): void;
  /** For the calls to the plugin of a resource. */
  tapOf(resource: string): Tap;
  metrics: Pick<KubeletMetrics, 'devices' | 'podResources'>;
  clock: Clock;
  log: Logger;
}

/** All of the kubelet that has to do with devices: their manager, the watcher that finds plugins by their sockets, and the API that tells who has what. */
export class NodeDevices {
  readonly manager: DeviceManager;
  readonly #options: NodeDevicesOptions;
  readonly #watcher: PluginWatcher;
  #podResources: Served | undefined;

  constructor(options: NodeDevicesOptions) {
    const { kubeletRoot, resourceManagers, metrics, log } = options;
    this.#options = options;
    this.manager = new DeviceManager({
      ...options,
      directory: join(kubeletRoot, 'device-plugins'),
      numaNodes: () => resourceManagers().numaNodes,
      metrics: metrics.devices,
    });
    this.#watcher = new PluginWatcher({
      directory: join(kubeletRoot, 'plugins_registry'),
      handlers: new Map([['DevicePlugin', this.#devicePlugins()]]),
      log,
    });
  }

  /** Takes up what the kubelet before this one knew. */
  start(): void {
    this.manager.start();
  }

  /** Serves plugins, and those who ask who has what. Where that can't be, the node goes on without, and tells of it. */
  async listen(): Promise<void> {
    await this.#orWarn("device plugins can't register", () => this.manager.listen());
    await this.#orWarn('nobody can ask for the resources of pods', async () => {
      this.#podResources = await this.#servePodResources();
    });
  }

  /** Registers plugins by their sockets until `signal` aborts; likewise. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#orWarn("plugins can't be found by their sockets", () => this.#watcher.run(signal));
  }

  async close(): Promise<void> {
    await this.#podResources?.close(0);
    await this.manager.close();
  }

  #devicePlugins(): PluginHandler {
    const { plugins } = this.manager;
    return devicePluginHandler({
      register: ({ name, endpoint }) => plugins.register({ resourceName: name, socket: endpoint }),
      deregister: ({ name, endpoint }) => plugins.deregister({ resourceName: name, socket: endpoint }),
    });
  }

  #servePodResources(): Promise<Served> {
    const { kubeletRoot, resourceManagers, activePods, metrics, clock } = this.#options;
    return servePodResources({
      directory: join(kubeletRoot, 'pod-resources'),
      owners: {
        devices: this.manager.devices,
        holdingsOf: (pod, container) => this.manager.holdingsOf(pod, container),
        ownOf: (pod, container) => resourceManagers().ownOf(pod, container),
      },
      allocatable: () => resourceManagers().allocatable(),
      activePods,
      metrics: metrics.podResources,
      clock,
    });
  }

  async #orWarn(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      this.#options.warn('DeviceManagerFailed', `${what}: ${PluginError.from(thrown).message}`);
    }
  }
}
