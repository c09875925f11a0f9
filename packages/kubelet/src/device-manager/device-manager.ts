import { stat } from 'node:fs/promises';
import type { Container, Pod } from '@berth/api/objects';
import type { ResourceAmounts } from '@berth/api/resource-amounts';
import { isExtendedResourceName } from '@berth/api/resource-names';
import { unlessAborted } from '@berth/sdk/abort';
import { serveDeviceRegistration } from '@berth/sdk/device/registration';
import { PluginError } from '@berth/sdk/errors';
import { ifThere } from '@berth/sdk/if-there';
import type { Served } from '@berth/sdk/serve';
import type { Tap } from '@berth/sdk/tap';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { ResourceProvider } from '../machine/resource-provider.ts';
import type { DeviceMetrics } from '../metrics/device-metrics.ts';
import type { Refusal } from '../plan/observed-pod.ts';
import { fullNameOf, resourceContainers, uidOf } from '../pod.ts';
import { type HintProvider, type TopologyHint, unexpectedRefusal } from '../topology-manager/hint-provider.ts';
import { answersOf, DeviceAllocation } from './device-allocation.ts';
import { DeviceCheckpoint, type DeviceMemory } from './device-checkpoint.ts';
import { type DeviceGrant, mergeAnswers } from './device-grant.ts';
import { DeviceHoldings, type Holder, type Holding } from './device-holdings.ts';
import { DevicePlugins, unregisteredPlugin } from './device-plugins.ts';
import { deviceRequests } from './device-requests.ts';
import { DeviceReservations } from './device-reservations.ts';
import { healthyOf } from './device-set.ts';

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
  readonly #checkpoint: DeviceCheckpoint;
  /** Nobody knows any more which devices pods of before have. */
  #memoryLost = false;
  #served: Served | undefined;
  readonly #closed = new AbortController();
  /** By pod uid. */
  readonly #asked = new Map<string, Asked>();
  /** The resources in the checkpoint, as text. */
  #savedResources = '';

  constructor(options: DeviceManagerOptions) {
    const { directory, numaNodes, warn, onChange, metrics, tapOf, clock, log } = options;
    const holdings = this.#holdings;
    this.#options = options;
    this.#checkpoint = new DeviceCheckpoint(directory);
    this.plugins = new DevicePlugins({ holdings, warn, tapOf, clock, log, onChange: () => this.#changed(onChange) });
    this.reservations = this.#saving(new DeviceReservations(holdings, numaNodes, (resource) => this.plugins.isAwaited(resource)));
    this.#allocation = new DeviceAllocation({
      holdings,
      plugins: this.plugins,
      onAllocated: (resource, seconds) => metrics.allocated(resource, seconds),
    });
  }

  /** Takes up what the kubelet before this one knew. A checkpoint that can't be read is put aside, and told of. */
  start(): void {
    const memory = this.#load();
    this.#memoryLost = memory === undefined;
    for (const holding of memory?.holdings ?? []) this.#holdings.give(holding);
    for (const holder of memory?.unknown ?? []) this.#holdings.addUnknown(holder);
    for (const resource of memory?.registered.keys() ?? []) this.plugins.expect(resource);
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
    return resourceContainers(pod).some((container) => this.#pendingOf(pod, container).length > 0);
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
    const missing = refusal ? [] : resourceContainers(pod).flatMap((container) => this.#pendingOf(pod, container));
    const why = missing.length > 0 ? unexpectedRefusal(`cannot allocate unregistered device ${missing[0]}`) : refusal;
    if (why) this.#holdings.release(uidOf(pod));
    this.#save();
    return why;
  }

  /**
   * What a container that is about to be made gets for its devices; they are readied where their plugin asks for it. A container whose devices nobody knows any
   * more is given others. UNAVAILABLE for a plugin that hasn't come since the kubelet began; NOT_FOUND for a path that isn't on the host.
   */
  async grant(pod: Pod, container: Container, signal: AbortSignal): Promise<DeviceGrant> {
    await this.#giveAnew(pod, container, signal);
    const holdings = this.holdingsOf(pod, container);
    for (const { resource, ids } of holdings) await this.plugins.preStart(resource, ids, signal);
    const grant = mergeAnswers(answersOf(this.#holdings, { uid: uidOf(pod), container: container.name }));
    await checkHostPaths(grant);
    return grant;
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
      for (const resource of this.#pendingOf(pod, container)) if (this.plugins.isAwaited(resource)) throw unregisteredPlugin(resource);
      const refusal = this.reservations.allocate(pod, container, anywhere);
      if (refusal) return refusal;
    }
    return undefined;
  }

  /** The resources of which the container is to have devices, and has no answer of their plugin. */
  #pendingOf(pod: Pod, container: Container): string[] {
    return [...deviceRequests(container).keys()].filter((resource) => {
      const holder = { uid: uidOf(pod), container: container.name, resource };
      return !this.#holdings.get(holder)?.answer && !this.#holdings.isUnknown(holder);
    });
  }

  /** The container doesn't run: what it may have had is free, and it is given as at admission. */
  async #giveAnew(pod: Pod, container: Container, signal: AbortSignal): Promise<void> {
    const uid = uidOf(pod);
    for (const resource of deviceRequests(container).keys()) this.#holdings.forgetUnknown({ uid, container: container.name, resource });
    if (this.#pendingOf(pod, container).length === 0) return;
    const refusal = this.reservations.allocate(pod, container, anywhere) ?? (await this.#allocation.allocateFor(pod, container, signal));
    const [missing] = this.#pendingOf(pod, container);
    const why = refusal?.message ?? (missing && `cannot allocate unregistered device ${missing}`);
    if (why) throw new PluginError('RESOURCE_EXHAUSTED', why, { object: `devices of container ${container.name}` });
    this.#save();
  }

  #load(): DeviceMemory | undefined {
    try {
      return this.#checkpoint.load();
    } catch (thrown) {
      const { warn } = this.#options;
      const aside = this.#checkpoint.putAside();
      const blocked = 'devices that pods of before have are not handed out to others until those pods have ended';
      warn('DeviceCheckpointBroken', `${PluginError.from(thrown).message}; it is put aside as ${aside}; ${blocked}`);
      return undefined;
    }
  }

  #save(): void {
    const holdings = this.#holdings.all().filter(({ answer }) => answer);
    // kubelet lists the healthy devices there, and reads no more of it than whose plugins there were.
    const registered = new Map(this.#holdings.resources.map((resource) => [resource, []]));
    const unknown = this.#holdings.unknownHolders();
    this.#checkpoint.save({ holdings, unknown, registered, bootId: this.#options.bootId }, (resource) =>
      this.#holdings.devicesOf(resource),
    );
  }

  /** Of what the next kubelet can do without: what is free by now, or which plugins there are. */
  #saveOrWarn(): void {
    try {
      this.#save();
    } catch (thrown) {
      this.#options.warn('DeviceCheckpointFailed', `the device manager's checkpoint can't be written: ${PluginError.from(thrown).message}`);
    }
  }

  #changed(tell: () => void): void {
    const resources = this.#holdings.resources.toSorted().join(' ');
    if (resources !== this.#savedResources) this.#saveOrWarn();
    this.#savedResources = resources;
    tell();
  }

  /** What is released is free in the checkpoint too. */
  #saving(reservations: DeviceReservations): HintProvider {
    return {
      containerHints: (pod, container) => reservations.containerHints(pod, container),
      podHints: (pod) => reservations.podHints(pod),
      lacks: (pod, container) => reservations.lacks(pod, container),
      allocate: (pod, container, hint) => reservations.allocate(pod, container, hint),
      holders: () => reservations.holders(),
      adopt: (pod) => this.#adopt(pod),
      release: (uid) => {
        const saved = this.#holdings.pods().includes(uid);
        this.#asked.get(uid)?.released.abort(new PluginError('CANCELLED', 'the pod has gone', { object: `devices of pod ${uid}` }));
        this.#asked.delete(uid);
        reservations.release(uid);
        if (saved) this.#saveOrWarn();
      },
    };
  }

  #addUnknown(pod: Pod, holder: Holder): void {
    this.#holdings.addUnknown(holder);
    const cure = 'none of that resource are handed out until the pod has ended, or its container begins anew and is given others';
    const message = `which devices of ${holder.resource} container ${holder.container} of pod ${fullNameOf(pod)} has is not known any more: the checkpoint was lost; ${cure}`;
    this.#options.warn('DeviceCheckpointLost', message);
  }

  #adopt(pod: Pod): void {
    if (!this.#memoryLost) return;
    for (const container of resourceContainers(pod)) {
      for (const resource of deviceRequests(container).keys()) {
        const holder = { uid: uidOf(pod), container: container.name, resource };
        if (!this.#holdings.get(holder) && !this.#holdings.isUnknown(holder)) this.#addUnknown(pod, holder);
      }
    }
  }
}

const anywhere: TopologyHint = { affinity: undefined, preferred: false };

/** What a runtime would make of a path that isn't there, nobody knows: some make a directory of it. */
async function checkHostPaths({ mounts, devices }: DeviceGrant): Promise<void> {
  for (const { hostPath } of [...mounts, ...devices]) {
    if (await ifThere(hostPath, stat(hostPath))) continue;
    throw new PluginError('NOT_FOUND', 'there is no such path on the host', {
      object: `${hostPath}, which a device plugin gives the container`,
      hint: 'see whether the device is there and its driver loaded; the container is made once the path is there',
    });
  }
}
