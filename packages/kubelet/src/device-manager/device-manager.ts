import type { Container, Pod } from '@berth/api/objects';
import type { ResourceAmounts } from '@berth/api/resource-amounts';
import { isExtendedResourceName } from '@berth/api/resource-names';
import { unlessAborted } from '@berth/sdk/abort';
import { serveDeviceRegistration } from '@berth/sdk/device/registration';
import { PluginError } from '@berth/sdk/errors';
import type { Served } from '@berth/sdk/serve';
import type { Tap } from '@berth/sdk/tap';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { ResourceProvider } from '../machine/resource-provider.ts';
import type { DeviceMetrics } from '../metrics/device-metrics.ts';
import type { Refusal } from '../plan/observed-pod.ts';
import { resourceContainers, uidOf } from '../pod.ts';
import { anyNode, type HintProvider, unexpectedRefusal } from '../topology-manager/hint-provider.ts';
import { DeviceAllocation } from './device-allocation.ts';
import type { DeviceGrant } from './device-grant.ts';
import { DeviceGrants } from './device-grants.ts';
import { DeviceHoldings, type Holding } from './device-holdings.ts';
import { DevicePlugins, unregisteredPlugin } from './device-plugins.ts';
import { DeviceReservations } from './device-reservations.ts';
import { healthyOf } from './device-set.ts';
import { pendingDevices } from './pending-devices.ts';
import { SavedHoldings } from './saved-holdings.ts';

interface DeviceManagerOptions {
  /** `device-plugins` of the kubelet: sockets, and the checkpoint. */
  directory: string;
  /** Those of the machine, where the topology manager asks for hints. */
  numaNodes(): readonly number[];
  /** What the node has of devices has changed. */
  onChange(): void;
  /** Tells of what a person has to mend. */
  warn(reason: string, message: string): void;
  /** Of the host's run. */
  bootId: string;
  metrics: Pick<DeviceMetrics, 'registered' | 'allocated'>;
  /** For the calls to the plugin of a resource. */
  tapOf?(resource: string): Tap;
  clock: Clock;
  log: Logger;
}

/** What plugins are asked for a pod, until somebody has been told what came of it. */
interface Asked {
  outcome: Promise<Refusal | undefined>;
  /** Aborts when the pod has nothing any more: another one may have its uid. */
  released: AbortController;
}

/**
 * kubelet's device manager: knows the devices of plugins, sets them apart for pods as these are admitted, has the plugins allocate them, and gives
 * containers what the plugins answered (kubernetes:pkg/kubelet/cm/devicemanager).
 */
export class DeviceManager implements ResourceProvider {
  /** For the topology manager. */
  readonly reservations: HintProvider;
  readonly plugins: DevicePlugins;
  readonly #options: DeviceManagerOptions;
  readonly #holdings = new DeviceHoldings();
  readonly #allocation: DeviceAllocation;
  readonly #grants: DeviceGrants;
  readonly #saved: SavedHoldings;
  #served: Served | undefined;
  readonly #closed = new AbortController();
  /** By pod uid. */
  readonly #asked = new Map<string, Asked>();

  constructor(options: DeviceManagerOptions) {
    const { numaNodes, metrics } = options;
    const holdings = this.#holdings;
    this.#options = options;
    this.#saved = new SavedHoldings({ ...options, holdings });
    this.plugins = new DevicePlugins({ ...options, holdings, onChange: () => this.#changed() });
    this.reservations = this.#saving(new DeviceReservations(holdings, numaNodes, (resource) => this.plugins.isAwaited(resource)));
    this.#allocation = new DeviceAllocation({
      holdings,
      plugins: this.plugins,
      onAllocated: (resource, seconds) => metrics.allocated(resource, seconds),
    });
    const { plugins, reservations } = this;
    this.#grants = new DeviceGrants({ holdings, plugins, reservations, allocation: this.#allocation, saved: this.#saved });
  }

  /** Takes up what the kubelet before this one knew. A checkpoint that can't be read is put aside, and told of. */
  start(): void {
    for (const resource of this.#saved.load()) this.plugins.expect(resource);
  }

  /** Serves the registration of plugins. */
  async listen(): Promise<void> {
    const { directory, metrics } = this.#options;
    this.#served = await serveDeviceRegistration({
      directory,
      register: async (registration) => {
        metrics.registered(registration.resourceName);
        await this.plugins.register(registration);
      },
      refused: ({ resourceName, endpoint }, { message }) =>
        this.#options.log.warn({ resource: resourceName, endpoint }, `a device plugin can't be registered: ${message}`),
    });
  }

  async close(): Promise<void> {
    this.#closed.abort(new PluginError('CANCELLED', 'the kubelet is stopping'));
    await this.#served?.close(0);
    await this.plugins.close();
    this.#saved.close();
  }

  capacity(): ResourceAmounts {
    return this.#amounts((resource) => this.#holdings.devicesOf(resource)?.size ?? 0);
  }

  allocatable(): ResourceAmounts {
    return this.#amounts((resource) => healthyOf(this.#holdings.devicesOf(resource) ?? new Map()).length);
  }

  /** Whether the node may have it in a moment. */
  isAwaited(resource: string): boolean {
    return isExtendedResourceName(resource) && this.plugins.isAwaited(resource);
  }

  held(): ResourceAmounts {
    return this.#amounts((resource) => this.#holdings.countHeld(resource));
  }

  /** Whether the pod is to have devices that no plugin has been asked for yet. */
  hasPending(pod: Pod): boolean {
    return resourceContainers(pod).some((container) => pendingDevices(this.#holdings, pod, container).length > 0);
  }

  /** Begins to ask the plugins for what is set apart for the pod, beside what else is done for it; `allocate` tells what came of it. */
  begin(pod: Pod): void {
    this.#ask(pod);
  }

  /** Has the plugins allocate what is set apart for the pod; gives why the pod can't run. A pod that can't has nothing any more. */
  async allocate(pod: Pod, signal: AbortSignal): Promise<Refusal | undefined> {
    const { outcome } = this.#asked.get(uidOf(pod)) ?? this.#ask(pod);
    try {
      return await unlessAborted(outcome, signal);
    } finally {
      // A pod that doesn't wait any more is about to end: its release ends what goes on.
      if (!signal.aborted) this.#asked.delete(uidOf(pod));
    }
  }

  #ask(pod: Pod): Asked {
    const released = new AbortController();
    const outcome = this.#allocate(pod, AbortSignal.any([this.#closed.signal, released.signal]));
    // Whoever waits for it is told.
    outcome.catch(() => undefined);
    const asked = { outcome, released };
    this.#asked.set(uidOf(pod), asked);
    return asked;
  }

  async #allocate(pod: Pod, signal: AbortSignal): Promise<Refusal | undefined> {
    const refusal = this.#reserve(pod) ?? (await this.#allocation.allocate(pod, signal));
    const missing = refusal ? [] : resourceContainers(pod).flatMap((container) => pendingDevices(this.#holdings, pod, container));
    const why = missing.length > 0 ? unexpectedRefusal(`cannot allocate unregistered device ${missing[0]}`) : refusal;
    if (why) this.#holdings.release(uidOf(pod));
    this.#saved.changed();
    return why;
  }

  /** What a container that is about to be made gets for its devices. Throws as DeviceGrants.grant does. */
  grant(pod: Pod, container: Container, signal: AbortSignal): Promise<DeviceGrant> {
    return this.#grants.grant(pod, container, signal);
  }

  /** The devices that the container has, by resource. */
  holdingsOf(pod: Pod, { name }: Pick<Container, 'name'>): Holding[] {
    return this.#holdings.ofPod(uidOf(pod)).filter(({ container }) => container === name);
  }

  /** All devices by resource, with their NUMA nodes. */
  get devices(): Pick<DeviceHoldings, 'resources' | 'devicesOf'> {
    return this.#holdings;
  }

  #amounts(count: (resource: string) => number): ResourceAmounts {
    const there = this.#holdings.resources.map((resource): [string, bigint] => [resource, BigInt(count(resource))]);
    return new Map([...[...this.plugins.givenUp].map((resource): [string, bigint] => [resource, 0n]), ...there]);
  }

  /** Sets apart what a pod of before the kubelet's start lacks: nothing could be decided of it before its plugin came. */
  #reserve(pod: Pod): Refusal | undefined {
    for (const container of resourceContainers(pod)) {
      for (const resource of pendingDevices(this.#holdings, pod, container))
        if (this.plugins.isAwaited(resource)) throw unregisteredPlugin(resource);
      const refusal = this.reservations.allocate(pod, container, anyNode);
      if (refusal) return refusal;
    }
    return undefined;
  }

  #changed(): void {
    this.#saved.pluginsChanged();
    this.#options.onChange();
  }

  /** What is released is free in the checkpoint too. */
  #saving(reservations: DeviceReservations): HintProvider {
    return {
      containerHints: (pod, container) => reservations.containerHints(pod, container),
      podHints: (pod) => reservations.podHints(pod),
      lacks: (pod, container) => reservations.lacks(pod, container),
      allocate: (pod, container, hint) => reservations.allocate(pod, container, hint),
      holders: () => reservations.holders(),
      adopt: (pod) => this.#saved.adopt(pod),
      release: (uid) => {
        const saved = this.#holdings.pods().includes(uid);
        this.#asked.get(uid)?.released.abort(new PluginError('CANCELLED', 'the pod has gone', { object: `devices of pod ${uid}` }));
        this.#asked.delete(uid);
        reservations.release(uid);
        if (saved) this.#saved.changed();
      },
    };
  }
}
