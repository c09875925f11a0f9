import { deviceHealthy } from '../device/constants.ts';
import { problemOfId } from '../device/device-id.ts';
import type { DevicePluginClient } from '../device/device-plugin-client.ts';
import { PluginError } from '../errors.ts';
import type { Device } from '../gen/device-plugin.ts';
import { problemsOfDevices } from './device-problems.ts';
import type { DevicePluginRegistration, DeviceStatus } from './device-status.ts';
import type { DeviceChanges, Tell } from './mock-kubelet-event.ts';

interface Connection extends DevicePluginRegistration {
  client: DevicePluginClient;
  /** Why it is given up, where that isn't the plugin's doing. */
  givenUp?: string;
}

/** What the plugins of one resource have told, from the first that registers on. */
export class DeviceResource {
  readonly name: string;
  readonly #tell: Tell;
  readonly #toldProblems = new Set<string>();
  #devices: readonly DeviceStatus[] = [];
  #connection: Connection | undefined;
  #registration: DevicePluginRegistration | undefined;

  constructor(name: string, tell: Tell) {
    this.name = name;
    this.#tell = tell;
  }

  get devices(): readonly DeviceStatus[] {
    return this.#devices;
  }

  /** The plugin that serves it now; undefined: none does. */
  get client(): DevicePluginClient | undefined {
    return this.#connection?.client;
  }

  /** Of its newest plugin, which may have gone. */
  get registration(): DevicePluginRegistration | undefined {
    return this.#registration;
  }

  /** Reads what the plugin tells until its stream ends or `signal` aborts; its devices are unhealthy then. It takes the place of one before it. */
  async follow(client: DevicePluginClient, registeredAt: Date, signal: AbortSignal): Promise<void> {
    this.#connection?.client.close();
    this.#registration = { socket: client.socket, registeredAt, options: client.options };
    const connection: Connection = { ...this.#registration, client };
    this.#connection = connection;
    const cause = await this.#readLists(client, signal);
    client.close();
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    this.#devices = this.#devices.map((device) => ({ ...device, healthy: false }));
    if (!signal.aborted) this.#tellGone(client.socket, connection.givenUp ?? cause);
  }

  /** Gives its plugin up, if this is where it serves. */
  giveUp(socket: string, cause: string): void {
    if (this.#connection?.socket !== socket) return;
    this.#connection.givenUp = cause;
    this.#connection.client.close();
  }

  /** Gives why the lists came to an end. */
  async #readLists(client: DevicePluginClient, signal: AbortSignal): Promise<string> {
    let isFirst = true;
    try {
      for await (const list of client.lists(signal)) {
        this.#take(list, isFirst);
        isFirst = false;
      }
      return 'it ended its stream ListAndWatch, which is to last as long as the plugin does';
    } catch (thrown) {
      return PluginError.from(thrown).message;
    }
  }

  #take(list: readonly Device[], isFirst: boolean): void {
    for (const problem of problemsOfDevices(list)) this.#tellOnce(problem);
    const taken = list.filter(({ ID }) => problemOfId(ID) === undefined);
    const devices = [...new Map(taken.map((device) => [device.ID, statusOf(device)])).values()];
    const changes = changesBetween(this.#devices, devices);
    this.#devices = devices;
    if (isFirst || Object.values(changes).some((ids) => ids.length > 0))
      this.#tell({ event: 'devices', resource: this.name, devices, ...changes });
  }

  #tellOnce(problem: string): void {
    if (this.#toldProblems.has(problem)) return;
    this.#toldProblems.add(problem);
    this.#tell({ event: 'problem', message: `ListAndWatch of the plugin for ${this.name}: ${problem}` });
  }

  #tellGone(socket: string, cause: string): void {
    const message = `device plugin for ${this.name} at ${socket}: ${cause}; its devices are unhealthy until one registers again`;
    this.#tell({ event: 'plugin-gone', resource: this.name, socket, message });
  }
}

function statusOf({ ID, health, topology }: Device): DeviceStatus {
  return { id: ID, healthy: health === deviceHealthy, numaNodes: topology?.nodes.map((node) => Number(node.ID)) ?? [] };
}

function changesBetween(before: readonly DeviceStatus[], after: readonly DeviceStatus[]): DeviceChanges {
  const old = new Map(before.map(({ id, healthy }) => [id, healthy]));
  const young = new Set(after.map(({ id }) => id));
  const changed = after.filter(({ id, healthy }) => old.has(id) && old.get(id) !== healthy);
  return {
    came: idsOf(after.filter(({ id }) => !old.has(id))),
    went: idsOf(before.filter(({ id }) => !young.has(id))),
    recovered: idsOf(changed.filter(({ healthy }) => healthy)),
    failed: idsOf(changed.filter(({ healthy }) => !healthy)),
  };
}

function idsOf(devices: readonly DeviceStatus[]): string[] {
  return devices.map(({ id }) => id);
}
