import { statSync } from 'node:fs';
import type { DevicePluginClient } from '../device/device-plugin-client.ts';
import { PluginError } from '../errors.ts';
import type { ContainerAllocateResponse } from '../gen/device-plugin.ts';
import { quoted } from '../quoted.ts';
import { type FileKind, problemsOfAllocation, problemsOfPreference } from './allocation-problems.ts';
import type { DeviceResource } from './device-resource.ts';
import type { DeviceResources } from './device-resources.ts';
import type { Tell } from './mock-kubelet-event.ts';

/** How many devices, or which ones. */
export type WantedDevices = { count: number } | { ids: readonly string[] };

/** Devices that a container has, and what their plugin says it needs for them. */
export interface AllocatedDevices {
  /** The name that the mock kubelet gave to the container, or was told. */
  container: string;
  resource: string;
  ids: readonly string[];
  response: ContainerAllocateResponse;
}

export interface AllocationOptions {
  /** Whose they are to be. Default: a new container's. */
  container?: string;
  signal?: AbortSignal;
}

/** Who has which device. What it gives is healthy, and nobody's: as a kubelet does it, but without topology. */
export class DeviceAllocator {
  readonly #resources: DeviceResources;
  readonly #tell: Tell;
  readonly #allocated: AllocatedDevices[] = [];
  /** Of devices that a plugin is being asked about: they are nobody else's meanwhile. */
  readonly #reserved = new Set<string>();
  #containers = 0;

  constructor(resources: DeviceResources, tell: Tell) {
    this.#resources = resources;
    this.#tell = tell;
  }

  get allocated(): readonly AllocatedDevices[] {
    return this.#allocated;
  }

  async allocate(resourceName: string, wanted: WantedDevices, { container, signal }: AllocationOptions = {}): Promise<AllocatedDevices> {
    const resource = this.#resources.get(resourceName);
    const client = clientOf(resource);
    const ids =
      'ids' in wanted ? this.#checked(resource, wanted.ids) : await this.#chosen(resource, { client, count: wanted.count, signal });
    for (const id of ids) this.#reserved.add(keyOf(resourceName, id));
    try {
      const response = await client.allocate(ids, signal);
      const problems = problemsOfAllocation(response, kindOf);
      for (const problem of problems) this.#tellProblem('Allocate', resourceName, problem);
      const given = { container: container ?? `container-${++this.#containers}`, resource: resourceName, ids, response };
      this.#allocated.push(given);
      return given;
    } finally {
      for (const id of ids) this.#reserved.delete(keyOf(resourceName, id));
    }
  }

  /** NOT_FOUND for a container that has nothing. */
  free(container: string): AllocatedDevices[] {
    const freed = this.#allocated.filter((given) => given.container === container);
    for (const given of freed) this.#allocated.splice(this.#allocated.indexOf(given), 1);
    if (freed.length > 0) return freed;
    const holders = [...new Set(this.#allocated.map((given) => given.container))];
    throw new PluginError('NOT_FOUND', 'it has no devices', {
      object: `container ${container}`,
      hint: holders.length > 0 ? `name one of ${holders.join(', ')}` : 'allocate some first',
    });
  }

  /** What comes before each start of a container with these devices, where the plugin asks for it. */
  async preStart(resourceName: string, ids: readonly string[], signal?: AbortSignal): Promise<void> {
    const resource = this.#resources.get(resourceName);
    const client = clientOf(resource);
    const nobodys = ids.filter((id) => this.holderOf(resourceName, id) === undefined);
    if (ids.length === 0 || nobodys.length > 0) {
      const cause = ids.length === 0 ? 'no device is named' : `no container has ${quoted(nobodys)}`;
      throw new PluginError('FAILED_PRECONDITION', cause, {
        object: preStartOf(resourceName),
        hint: 'allocate devices first, and name those',
      });
    }
    if (!client.options.preStartRequired) {
      throw new PluginError('FAILED_PRECONDITION', "the plugin doesn't ask for it, so that no kubelet calls it", {
        object: preStartOf(resourceName),
        hint: 'answer GetDevicePluginOptions with pre_start_required',
      });
    }
    await client.preStart(ids, signal);
  }

  /** The container that has a device; undefined: nobody has it. */
  holderOf(resourceName: string, id: string): string | undefined {
    return this.#allocated.find(({ resource, ids }) => resource === resourceName && ids.includes(id))?.container;
  }

  #isFree(resource: string, id: string): boolean {
    return !this.#reserved.has(keyOf(resource, id)) && this.holderOf(resource, id) === undefined;
  }

  #freeIds({ name, devices }: DeviceResource): string[] {
    return devices.filter(({ id, healthy }) => healthy && this.#isFree(name, id)).map(({ id }) => id);
  }

  /** Those that were named, if they may be had. */
  #checked(resource: DeviceResource, ids: readonly string[]): string[] {
    if (ids.length === 0 || new Set(ids).size !== ids.length) {
      throw new PluginError('INVALID_ARGUMENT', ids.length === 0 ? 'no device is named' : `a device is named twice: ${quoted(ids)}`, {
        object: `resource ${resource.name}`,
        hint: 'name each device once',
      });
    }
    for (const id of ids) {
      const problem = this.#unavailable(resource, id);
      if (problem) throw problem;
    }
    return [...ids];
  }

  #unavailable({ name, devices }: DeviceResource, id: string): PluginError | undefined {
    const object = `device ${quoted(id)} of resource ${name}`;
    const device = devices.find((one) => one.id === id);
    if (!device)
      return new PluginError('NOT_FOUND', 'there is none of this id', {
        object,
        hint: `name one of ${quoted(devices.map((one) => one.id))}`,
      });
    if (!device.healthy) return new PluginError('FAILED_PRECONDITION', 'it is unhealthy', { object, hint: 'name a healthy one' });
    if (this.#isFree(name, id)) return undefined;
    const holder = this.holderOf(name, id) ?? 'another call';
    return new PluginError('FAILED_PRECONDITION', `${holder} has it`, { object, hint: 'free it first, or name another one' });
  }

  /** As many as asked for: those that the plugin prefers, then others as they were told. */
  async #chosen(
    resource: DeviceResource,
    { client, count, signal }: { client: DevicePluginClient; count: number; signal: AbortSignal | undefined },
  ): Promise<string[]> {
    this.#checkCount(resource, count);
    const request = { availableDeviceIDs: this.#freeIds(resource), mustIncludeDeviceIDs: [], allocationSize: count };
    const preferred = await client.preferred(request, signal);
    if (client.options.getPreferredAllocationAvailable)
      for (const problem of problemsOfPreference(preferred, request)) this.#tellProblem('GetPreferredAllocation', resource.name, problem);
    this.#checkCount(resource, count);
    const free = this.#freeIds(resource);
    return [...new Set([...preferred.filter((id) => free.includes(id)), ...free])].slice(0, count);
  }

  #checkCount(resource: DeviceResource, count: number): void {
    const object = `resource ${resource.name}`;
    if (!Number.isSafeInteger(count) || count < 1)
      throw new PluginError('INVALID_ARGUMENT', `${count} is no number of devices`, { object, hint: 'ask for a whole number above 0' });
    const free = this.#freeIds(resource).length;
    if (free >= count) return;
    const healthy = resource.devices.filter((device) => device.healthy).length;
    const cause = `${count} wanted, ${free} free (${healthy} of ${resource.devices.length} healthy, ${healthy - free} taken)`;
    throw new PluginError('RESOURCE_EXHAUSTED', cause, { object, hint: 'free some, or ask for fewer' });
  }

  #tellProblem(call: string, resource: string, problem: string): void {
    this.#tell({ event: 'problem', message: `${call} of the plugin for ${resource}: ${problem}` });
  }
}

function clientOf({ name, client, registration }: DeviceResource): DevicePluginClient {
  if (client) return client;
  throw new PluginError('UNAVAILABLE', `its plugin at ${registration?.socket} has gone`, {
    object: `resource ${name}`,
    hint: 'start the plugin again; it has to register each time that a kubelet starts',
  });
}

function kindOf(path: string): FileKind {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return 'none';
  if (found.isDirectory()) return 'directory';
  return found.isCharacterDevice() || found.isBlockDevice() ? 'device' : 'other';
}

function preStartOf(resource: string): string {
  return `PreStartContainer of the plugin for ${resource}`;
}

function keyOf(resource: string, id: string): string {
  return `${resource} ${id}`;
}
