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
import { AllocateCaller } from './allocate-caller.ts';
import { ContainerDevices } from './container-devices.ts';
import { DeviceHoldings, type Holding } from './device-holdings.ts';
import { DevicePlugins } from './device-plugins.ts';
import { DeviceReservations } from './device-reservations.ts';
import type { DeviceResourceState } from './device-resource-state.ts';
import type { DeviceRunContainerOptions } from './device-run-container-options.ts';
import { healthyOf } from './device-set.ts';
import { pendingDevices } from './pending-devices.ts';
import { unregisteredDevice } from './refusals.ts';
import { SavedHoldings } from './saved-holdings.ts';
import { SavedReservations } from './saved-reservations.ts';

interface DeviceManagerOptions {
  /** `device-plugins` of the kubelet: sockets, and the checkpoint. */
  directory: string;
  /** Those of the machine, where the topology manager asks for hints. */
  numaNodes(): readonly number[];
  /** What the node has of devices has changed. */
  onChange(): void;
  /** Tells of what a person has to mend. */
  warn(reason: string, message: string): void;
  /** Namespace and name of a pod; undefined: nobody knows of such a pod. */
  nameOfPod(uid: string): string | undefined;
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
  readonly #calls: AllocateCaller;
  readonly #containers: ContainerDevices;
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
    const isAwaited = (resource: string) => this.plugins.isAwaited(resource);
    const reservations = new DeviceReservations({ holdings, numaNodes, isAwaited, nameOfPod: (uid) => this.#nameOfPod(uid) });
    this.reservations = new SavedReservations({ reservations, holdings, saved: this.#saved, onRelease: (uid) => this.#released(uid) });
    const onAllocated = (resource: string, seconds: number) => metrics.allocated(resource, seconds);
    this.#calls = new AllocateCaller({ holdings, plugins: this.plugins, onAllocated });
    const parts = { holdings, plugins: this.plugins, reservations: this.reservations, calls: this.#calls, saved: this.#saved };
    this.#containers = new ContainerDevices(parts);
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

  /** Begins to have the plugins allocate what is set apart for the pod, beside what else is done for it; `allocated` tells what came of it. */
  beginAllocate(pod: Pod): void {
    this.#ask(pod);
  }

  /** Once the plugins have allocated what is set apart for the pod: why the pod can't run, if so. A pod that can't has nothing any more. */
  async allocated(pod: Pod, signal: AbortSignal): Promise<Refusal | undefined> {
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
    const refusal = this.#reserve(pod) ?? (await this.#calls.callFor(pod, signal));
    const [missing] = refusal ? [] : resourceContainers(pod).flatMap((container) => pendingDevices(this.#holdings, pod, container));
    const why = missing === undefined ? refusal : unexpectedRefusal(unregisteredDevice(missing));
    if (why) this.#holdings.release(uidOf(pod));
    this.#saved.changed();
    return why;
  }

  /** What a container that is about to be made gets for its devices. Throws as ContainerDevices.runContainerOptions does. */
  runContainerOptions(pod: Pod, container: Container, signal: AbortSignal): Promise<DeviceRunContainerOptions> {
    return this.#containers.runContainerOptions(pod, container, signal);
  }

  /** The devices that the container has, by resource. */
  holdingsOf(pod: Pod, { name }: Pick<Container, 'name'>): Holding[] {
    return this.#holdings.ofContainer(uidOf(pod), name);
  }

  /** Each resource's state, as far as the node's capacity doesn't tell it. */
  states(): DeviceResourceState[] {
    return [...this.#amounts(() => 0).keys()].map((resource) => ({
      resource,
      registered: this.plugins.clientOf(resource) !== undefined,
      faults: this.plugins.faultsOf(resource),
      podsOfUnknown: this.#holdings.podsOfUnknown(resource).map((uid) => this.#nameOfPod(uid)),
    }));
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
        if (this.plugins.isAwaited(resource)) throw this.plugins.unregistered(resource);
      const refusal = this.reservations.allocate(pod, container, anyNode);
      if (refusal) return refusal;
    }
    return undefined;
  }

  #nameOfPod(uid: string): string {
    return this.#options.nameOfPod(uid) ?? `the pod of the uid ${uid}`;
  }

  #changed(): void {
    this.#saved.pluginsChanged();
    this.#options.onChange();
  }

  /** What goes on for the pod comes to nothing. */
  #released(uid: string): void {
    this.#asked.get(uid)?.released.abort(new PluginError('CANCELLED', 'the pod has gone', { object: `devices of pod ${uid}` }));
    this.#asked.delete(uid);
  }
}
