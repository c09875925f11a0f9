import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { kubeletSocket } from '../device/constants.ts';
import { devicePluginHandler } from '../device/device-plugin-handler.ts';
import { type DeviceRegistration, serveDeviceRegistration } from '../device/device-registration.ts';
import { PluginError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { PluginHandler } from '../plugin-watcher/plugin-handler.ts';
import { PluginWatcher } from '../plugin-watcher/plugin-watcher.ts';
import type { Served } from '../serve.ts';
import { isLive } from '../socket-file.ts';
import { ConditionWaiter, type WaitOptions } from './condition-waiter.ts';
import type { CsiDriver } from './csi-driver.ts';
import { CsiDrivers } from './csi-drivers.ts';
import { type AllocatedDevices, type AllocationOptions, DeviceAllocator, type WantedDevices } from './device-allocator.ts';
import type { DeviceResource } from './device-resource.ts';
import { DeviceResources } from './device-resources.ts';
import type { DevicePluginRegistration, DeviceStatus } from './device-status.ts';
import type { MockKubeletEvent, MockKubeletNews } from './mock-kubelet-event.ts';

export type { WaitOptions } from './condition-waiter.ts';
export type { CsiDriver } from './csi-driver.ts';
export type { AllocatedDevices, AllocationOptions, WantedDevices } from './device-allocator.ts';
export type { DevicePluginRegistration, DeviceStatus } from './device-status.ts';
export type { DeviceChanges, MockKubeletEvent } from './mock-kubelet-event.ts';

export interface MockKubeletOptions {
  /** In the place of /var/lib/kubelet: `device-plugins/kubelet.sock` and `plugins_registry/` are below it. They are made where missing. */
  directory: string;
  /** Told of what plugins do, as it happens. */
  onEvent?: (event: MockKubeletEvent) => void;
  /** Where the times of events come from. */
  now?: () => Date;
}

/** One resource, as its device plugin told of it last. */
export interface ResourceStatus extends DevicePluginRegistration {
  resource: string;
  /** Whether its plugin is there; if not, its devices are unhealthy. */
  connected: boolean;
  /** `container`: who has it. */
  devices: readonly (DeviceStatus & { container?: string })[];
}

/** What there is from a start to the stop after it. */
interface Run {
  stop: AbortController;
  registration: Served;
  watching: Promise<void>;
}

/**
 * The plugins' side of a kubelet, and nothing else of one: device plugins and CSI drivers register with it, and are called as a kubelet would call them.
 * It runs no pods and knows no topology, and a resource whose plugin has gone stays, with unhealthy devices.
 */
export class MockKubelet {
  readonly directory: string;
  readonly #onEvent: (event: MockKubeletEvent) => void;
  readonly #now: () => Date;
  readonly #resources: DeviceResources;
  readonly #drivers: CsiDrivers;
  readonly #allocator: DeviceAllocator;
  readonly #waiter = new ConditionWaiter();
  #run: Run | undefined;

  constructor({ directory, onEvent = () => undefined, now = () => new Date() }: MockKubeletOptions) {
    this.directory = resolve(directory);
    this.#onEvent = onEvent;
    this.#now = now;
    const tell = (news: MockKubeletNews) => this.#tell(news);
    this.#resources = new DeviceResources({ tell, now });
    this.#drivers = new CsiDrivers(tell, now);
    this.#allocator = new DeviceAllocator(this.#resources, tell);
  }

  /**
   * Begins as a kubelet does: removes the sockets that it finds beside its own, by which device plugins notice it, and registers what is in
   * plugins_registry/. ALREADY_EXISTS where a kubelet serves in this directory.
   */
  async start(): Promise<void> {
    if (this.#run) {
      throw new PluginError('FAILED_PRECONDITION', 'it runs already', { object: this.#object, hint: 'stop it first, or restart it' });
    }
    await this.#refuseOther();
    const registryDirectory = join(this.directory, 'plugins_registry');
    await mkdir(registryDirectory, { recursive: true, mode: 0o750 }).catch((thrown: unknown) => {
      throw PluginError.from(thrown, 'INTERNAL', { object: this.#object, hint: 'choose a directory that this user may write to' });
    });
    const stop = new AbortController();
    const registration = await serveDeviceRegistration({
      directory: join(this.directory, 'device-plugins'),
      register: (plugin) => this.#register(plugin, stop.signal),
      refused: ({ endpoint }, { message }) => {
        if (!stop.signal.aborted) this.#tell({ event: 'refused', plugin: endpoint, message });
      },
    });
    this.#tell({ event: 'started', registrationSocket: this.#registrationSocket, registryDirectory });
    const handlers = new Map([
      ['CSIPlugin', this.#drivers],
      ['DevicePlugin', this.#devicePlugins(stop.signal)],
    ]);
    const watcher = new PluginWatcher({ directory: registryDirectory, handlers, log: this.#watcherLog() });
    this.#run = { stop, registration, watching: this.#watch(watcher, stop.signal) };
  }

  /** Ends as a kubelet does: its socket and all its calls end, and who has which device is remembered. Does nothing where it doesn't run. */
  async stop(): Promise<void> {
    const run = this.#run;
    if (!run) return;
    this.#run = undefined;
    run.stop.abort(new PluginError('CANCELLED', 'the kubelet is ending', { object: this.#object }));
    await run.registration.close(0);
    await run.watching;
    await this.#resources.ended();
    this.#drivers.clear();
    this.#tell({ event: 'stopped' });
  }

  /** Ends and begins anew: each plugin has to notice it, and to register again. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** All that have ever been registered, by name. */
  resources(): ReadonlyMap<string, ResourceStatus> {
    return new Map([...this.#resources.all()].flatMap((resource) => this.#statusOf(resource)));
  }

  /** The CSI drivers that are registered, by name. */
  drivers(): ReadonlyMap<string, CsiDriver> {
    return new Map(this.#drivers.byName);
  }

  /** Who has which devices, in the order in which they were given. */
  allocated(): readonly AllocatedDevices[] {
    return [...this.#allocator.allocated];
  }

  /**
   * What `condition` gives, once that is truthy; it is looked at whenever something has changed. DEADLINE_EXCEEDED where it hasn't been in time:
   * `await kubelet.waitFor(({ resources }) => resources().get('vendor.example/gpu')?.devices.length === 2)`.
   */
  waitFor<Found>(condition: (kubelet: Pick<MockKubelet, 'resources' | 'drivers' | 'allocated'>) => Found, options: WaitOptions = {}) {
    const view = { resources: () => this.resources(), drivers: () => this.drivers(), allocated: () => this.allocated() };
    return this.#waiter.until(
      () => condition(view),
      () => this.#state(),
      options,
    );
  }

  /**
   * Gives devices to a container as a kubelet does: free and healthy ones, those first that the plugin prefers, then asks the plugin what the container
   * needs for them. NOT_FOUND, RESOURCE_EXHAUSTED, FAILED_PRECONDITION or INVALID_ARGUMENT where they can't be had; what the plugin throws comes through.
   */
  async allocate(resource: string, wanted: WantedDevices, options: AllocationOptions = {}): Promise<AllocatedDevices> {
    const allocated = await this.#allocator.allocate(resource, wanted, options);
    this.#waiter.changed();
    return allocated;
  }

  /** Takes all devices of a container back. NOT_FOUND where it has none. */
  free(container: string): readonly AllocatedDevices[] {
    const freed = this.#allocator.free(container);
    this.#waiter.changed();
    return freed;
  }

  /** Has devices that were allocated readied for a start of their container. FAILED_PRECONDITION where the plugin doesn't ask for such calls. */
  async preStart(resource: string, ids: readonly string[], signal?: AbortSignal): Promise<void> {
    await this.#allocator.preStart(resource, ids, signal);
  }

  get #object(): string {
    return `mock kubelet in ${this.directory}`;
  }

  get #registrationSocket(): string {
    return join(this.directory, 'device-plugins', kubeletSocket);
  }

  async #refuseOther(): Promise<void> {
    if (!(await isLive(this.#registrationSocket))) return;
    throw new PluginError('ALREADY_EXISTS', `a kubelet serves on ${this.#registrationSocket}`, {
      object: this.#object,
      hint: 'choose another directory: its plugins would lose it',
    });
  }

  /** Those are read until `signal` aborts: the kubelet ends. */
  #devicePlugins(signal: AbortSignal): PluginHandler {
    return devicePluginHandler({
      register: ({ name, endpoint }) => this.#resources.register({ resourceName: name, socket: endpoint, options: undefined }, signal),
      deregister: ({ name, endpoint }) => this.#resources.giveUp(name, endpoint),
    });
  }

  async #register(plugin: DeviceRegistration, signal: AbortSignal): Promise<void> {
    await this.#resources.register(plugin, signal);
  }

  async #watch(watcher: PluginWatcher, signal: AbortSignal): Promise<void> {
    try {
      await watcher.run(signal);
    } catch (thrown) {
      this.#tell({ event: 'problem', message: `plugins_registry is not watched any more: ${PluginError.from(thrown).message}` });
    }
  }

  /** Plugins that are taken or go are told by their handlers. */
  #watcherLog(): Log {
    const refused = (fields: object, message: string): void =>
      this.#tell({ event: 'refused', plugin: 'socket' in fields ? String(fields.socket) : '', message });
    return { info: () => undefined, warn: refused, error: refused };
  }

  #statusOf(resource: DeviceResource): [string, ResourceStatus][] {
    const { name, registration, client } = resource;
    if (!registration) return [];
    const devices = resource.devices.map((device) => {
      const container = this.#allocator.holderOf(name, device.id);
      return { ...device, ...(container !== undefined && { container }) };
    });
    return [[name, { resource: name, connected: client !== undefined, ...registration, devices }]];
  }

  /** In words, for whoever has waited in vain. */
  #state(): string {
    const resources = [...this.resources().values()].map(({ resource, devices }) => {
      const healthy = devices.filter((device) => device.healthy).length;
      return `${resource}: ${healthy} of ${devices.length} healthy`;
    });
    const drivers = [...this.drivers().keys()].map((driver) => `the CSI driver ${driver} is registered`);
    return [...resources, ...drivers].join('; ') || 'no plugin has registered';
  }

  #tell(news: MockKubeletNews): void {
    this.#onEvent({ at: this.#now(), ...news });
    this.#waiter.changed();
  }
}
