import { DevicePluginClient } from '@berth/sdk/device/client';
import type { Device } from '@berth/sdk/device/protocol';
import type { DeviceRegistration } from '@berth/sdk/device/registration';
import { PluginError } from '@berth/sdk/errors';
import type { Tap } from '@berth/sdk/tap';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { DeviceHoldings } from './device-holdings.ts';
import type { DeviceSet } from './device-set.ts';
import { isSameSet, readDevices } from './read-devices.ts';
import { UpdatePace } from './update-pace.ts';

interface DevicePluginsOptions {
  /** Gets the devices of each resource. */
  holdings: DeviceHoldings;
  /** What the node has, or its health, has changed. */
  onChange(): void;
  /** Tells of what a person has to mend. */
  warn(reason: string, message: string): void;
  /** For the calls to the plugin of a resource. */
  tapOf?: ((resource: string) => Tap) | undefined;
  clock: Clock;
  log: Logger;
}

/** A resource whose plugin has gone is none after this (kubernetes:pkg/kubelet/cm/devicemanager, endpointStopGracePeriod). */
const stopGraceMs = 5 * 60 * 1000;

/** Plugins begin when the kubelet does, or later, as pods of its own: for so long after its start a resource that nobody knows may be one. */
const firstPluginsMs = 60 * 1000;

/** The plugin of one resource, as long as it is the one. */
interface Endpoint {
  /** Undefined: it has gone, or hasn't come since the kubelet began. */
  client: DevicePluginClient | undefined;
  /** Of a kubelet before this one, and nothing has been heard of its devices since. */
  awaited: boolean;
  /** Whether it wants to ready devices before a start, as far as anybody knows. */
  preStartRequired: boolean;
  /** Aborts when it has gone, or another one takes its place. */
  over: AbortController;
  forget?: () => void;
  /** What was wrong with its last list. */
  toldFaults?: string | undefined;
  /** A fault of one of its preferences has been told. */
  toldPreference?: boolean;
}

/** The device plugins that are registered, one for each resource, and what they say of their devices. */
export class DevicePlugins {
  readonly #options: DevicePluginsOptions;
  readonly #endpoints = new Map<string, Endpoint>();
  /** Resources whose plugin didn't come back: the node has zero of them. */
  readonly #givenUp = new Set<string>();
  readonly #following = new Set<Promise<void>>();
  readonly #begun: Date;
  readonly #closed = new AbortController();

  constructor(options: DevicePluginsOptions) {
    this.#options = options;
    this.#begun = options.clock.now();
  }

  /** Resources of which there are none any more, since their plugin didn't come back. */
  get givenUp(): ReadonlySet<string> {
    return this.#givenUp;
  }

  /** The plugin of the resource; undefined: it isn't there. */
  clientOf(resource: string): DevicePluginClient | undefined {
    return this.#endpoints.get(resource)?.client;
  }

  /** What is wrong with the list that the resource's plugin gave last; undefined: nothing, or it isn't there. */
  faultsOf(resource: string): string | undefined {
    const endpoint = this.#endpoints.get(resource);
    return endpoint?.client && endpoint.toldFaults;
  }

  /**
   * Nothing has been heard of its devices yet, and something may be: a kubelet before had its plugin, or the kubelet has only just begun. kubelet refuses pods
   * that ask for such a resource, for good.
   */
  isAwaited(resource: string): boolean {
    const endpoint = this.#endpoints.get(resource);
    if (endpoint) return endpoint.awaited;
    return !this.#givenUp.has(resource) && this.#options.clock.now().getTime() - this.#begun.getTime() < firstPluginsMs;
  }

  /**
   * Has the resource's plugin ready devices for a start, where it asks for that. UNAVAILABLE while it isn't there, and nobody knows that it doesn't ask for it:
   * after a restart of the host its devices may not be there either.
   */
  async preStart(resource: string, ids: readonly string[], signal: AbortSignal): Promise<void> {
    const endpoint = this.#endpoints.get(resource);
    if (!endpoint) return;
    if (endpoint.client) return endpoint.client.preStart(ids, signal);
    if (!endpoint.awaited && !endpoint.preStartRequired) return;
    throw this.unregistered(resource);
  }

  /** For what has to wait for the resource's plugin, with how long that may be. */
  unregistered(resource: string): PluginError {
    const known = this.#endpoints.has(resource);
    const end = known
      ? `it is given up ${inMinutes(stopGraceMs)} after it was last there, or after the kubelet's start`
      : `what asks for ${resource} is refused if none has registered ${inMinutes(firstPluginsMs)} after the kubelet's start`;
    return new PluginError('UNAVAILABLE', known ? 'it is not registered at the moment' : 'it has not registered yet', {
      object: `the device plugin for ${resource}`,
      hint: `start the plugin, or see in its log why it does not register; ${end}`,
    });
  }

  /** Tells, once for each plugin, that what it prefers can't be had as it says. Without harm: what can be had of it counts. */
  tellPreference({ resourceName, socket }: Pick<DevicePluginClient, 'resourceName' | 'socket'>, problem: string): void {
    const endpoint = this.#endpoints.get(resourceName);
    if (!endpoint || endpoint.toldPreference || endpoint.client?.socket !== socket) return;
    endpoint.toldPreference = true;
    const message = `the device plugin for ${resourceName} at ${socket} has a preference that counts only as far as it can: ${problem}; mend the plugin`;
    this.#options.warn('DevicePluginInvalidPreference', message);
  }

  /** A plugin that a kubelet before this one had: its resource has no devices until it comes. */
  expect(resource: string): void {
    this.#options.holdings.setDevices(resource, new Map());
    const endpoint: Endpoint = { client: undefined, awaited: true, preStartRequired: false, over: new AbortController() };
    this.#endpoints.set(resource, endpoint);
    this.#forgetLater(resource, endpoint);
  }

  /** Takes the plugin that serves on the socket, in the place of one before it. Throws where it doesn't answer. */
  async register({ resourceName: resource, socket }: Pick<DeviceRegistration, 'resourceName' | 'socket'>): Promise<void> {
    const { tapOf, log } = this.#options;
    const client = await DevicePluginClient.open({ resourceName: resource, socket, tap: tapOf?.(resource), signal: this.#closed.signal });
    const awaited = this.#endpoints.get(resource)?.awaited ?? true;
    this.#replace(resource, client);
    const { preStartRequired } = client.options;
    const endpoint: Endpoint = { client, awaited, preStartRequired, over: new AbortController() };
    this.#endpoints.set(resource, endpoint);
    this.#givenUp.delete(resource);
    log.info({ resource, socket }, 'a device plugin is registered');
    const following = this.#follow(resource, endpoint, client).finally(() => this.#following.delete(following));
    this.#following.add(following);
  }

  /** The plugin of that socket is there no more. */
  deregister({ resourceName, socket }: Pick<DeviceRegistration, 'resourceName' | 'socket'>): void {
    const endpoint = this.#endpoints.get(resourceName);
    if (endpoint?.client?.socket === socket) this.#stopped(resourceName, endpoint, 'its socket has gone');
  }

  /** Waits for all that goes on. */
  async close(): Promise<void> {
    this.#closed.abort(new PluginError('CANCELLED', 'the kubelet is stopping'));
    for (const { forget } of this.#endpoints.values()) forget?.();
    await Promise.all(this.#following);
  }

  #replace(resource: string, client: DevicePluginClient): void {
    const before = this.#endpoints.get(resource);
    if (!before) return;
    if (before.client && before.client.socket !== client.socket) {
      this.#options.warn(
        'DevicePluginReplaced',
        `two device plugins serve ${resource}: the one at ${client.socket} takes the place of that at ${before.client.socket}; stop one of them`,
      );
    }
    before.forget?.();
    before.over.abort(new PluginError('CANCELLED', 'the plugin has registered anew'));
    before.client?.close();
  }

  async #follow(resource: string, endpoint: Endpoint, client: DevicePluginClient): Promise<void> {
    const signal = AbortSignal.any([endpoint.over.signal, this.#closed.signal]);
    const pace = new UpdatePace(this.#options.clock, () =>
      this.#options.warn(
        'DevicePluginFloods',
        `the device plugin for ${resource} tells of its devices more often than anybody can follow; mend it`,
      ),
    );
    let why = 'it has ended its list of devices';
    try {
      for await (const list of client.lists(signal)) {
        this.#take(resource, endpoint, list);
        await pace.next(signal);
      }
    } catch (thrown) {
      why = PluginError.from(thrown).message;
    }
    client.close();
    if (!signal.aborted) this.#stopped(resource, endpoint, why);
  }

  #take(resource: string, endpoint: Endpoint, list: readonly Device[]): void {
    const { holdings, onChange } = this.#options;
    const { devices, problems } = readDevices(list);
    this.#tellFaults(resource, endpoint, problems);
    endpoint.awaited = false;
    const before = holdings.devicesOf(resource);
    if (before && isSameSet(before, devices)) return;
    holdings.setDevices(resource, devices);
    onChange();
  }

  /** Each list has the faults of the one before it, most often. */
  #tellFaults(resource: string, endpoint: Endpoint, problems: readonly string[]): void {
    const others = problems.length > 1 ? `, and ${problems.length - 1} more` : '';
    const faults = problems.length > 0 ? `${problems[0]}${others}` : undefined;
    if (faults !== undefined && faults !== endpoint.toldFaults) {
      const message = `the device plugin for ${resource} gives a list with faults: ${faults}; mend the plugin`;
      this.#options.warn('DevicePluginInvalidDevices', message);
    }
    endpoint.toldFaults = faults;
  }

  /** Its devices can be given to nobody, and are still the node's: the plugin may come back. */
  #stopped(resource: string, endpoint: Endpoint, why: string): void {
    const { holdings, onChange, log } = this.#options;
    if (this.#endpoints.get(resource) !== endpoint || endpoint.client === undefined) return;
    log.warn({ resource, socket: endpoint.client.socket }, `a device plugin has gone: ${why}`);
    endpoint.client = undefined;
    endpoint.over.abort(new PluginError('CANCELLED', 'the plugin has gone'));
    holdings.setDevices(resource, asUnhealthy(holdings.devicesOf(resource) ?? new Map()));
    this.#forgetLater(resource, endpoint);
    onChange();
  }

  #forgetLater(resource: string, endpoint: Endpoint): void {
    const { holdings, onChange, clock, log } = this.#options;
    endpoint.forget = clock.after(stopGraceMs, () => {
      log.warn({ resource }, 'the device plugin has not come back: the node has none of its resource any more');
      this.#endpoints.delete(resource);
      this.#givenUp.add(resource);
      holdings.removeResource(resource);
      onChange();
    });
  }
}

function asUnhealthy(devices: DeviceSet): DeviceSet {
  return new Map([...devices].map(([id, device]) => [id, { ...device, healthy: false }]));
}

function inMinutes(ms: number): string {
  const minutes = ms / 60_000;
  return minutes === 1 ? 'a minute' : `${minutes} minutes`;
}
