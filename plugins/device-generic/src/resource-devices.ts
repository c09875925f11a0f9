import type { DeviceAllocation, DeviceDescription } from '@berth/sdk/device';
import { notInOrder } from '@berth/sdk/device/not-in-order';
import { replicaIds, withoutReplica } from '@berth/sdk/device/replicas';
import { PluginError } from '@berth/sdk/errors';
import type { ResourceSettings } from './configuration.ts';
import type { DeviceFiles } from './device-files.ts';
import { type FoundDevice, findDevices } from './found-devices.ts';

/** The devices of each resource; a file is the first one's that it fits. */
export function devicesOf(resources: readonly ResourceSettings[], files: DeviceFiles): ResourceDevices[] {
  return resources.map((resource, index) => new ResourceDevices(resource, resources.slice(0, index), files));
}

/** The devices of one resource: those there are, and those that were there before. */
export class ResourceDevices {
  readonly name: string;
  readonly #settings: ResourceSettings;
  readonly #earlier: readonly ResourceSettings[];
  readonly #files: DeviceFiles;
  #known = new Map<string, FoundDevice>();

  /** `earlier`: resources whose files this one can't have. */
  constructor(settings: ResourceSettings, earlier: readonly ResourceSettings[], files: DeviceFiles) {
    this.name = settings.name;
    this.#settings = settings;
    this.#earlier = earlier;
    this.#files = files;
  }

  /** Looks for them anew. One whose file has gone stays, unhealthy, until it is back. */
  look(): void {
    const found = new Map(findDevices(this.#settings, this.#earlier, this.#files).map((device) => [device.id, device]));
    const gone = [...this.#known.values()].filter(({ id }) => !found.has(id)).map((device) => ({ ...device, problem: goneOf(device) }));
    this.#known = new Map(
      [...found, ...gone.map((device) => [device.id, device] as const)].toSorted(([first], [second]) => (first < second ? -1 : 1)),
    );
  }

  /** All of them now. */
  get devices(): FoundDevice[] {
    return [...this.#known.values()];
  }

  describe(): DeviceDescription[] {
    const { replicas } = this.#settings;
    return this.devices.flatMap(({ id, problem, numaNodes }) => {
      return replicaIds(id, replicas).map((each) => ({ id: each, healthy: problem === undefined, numaNodes }));
    });
  }

  /** What a container with these gets. Throws FAILED_PRECONDITION for one that isn't in order, or whose file goes just now. */
  allocate(ids: readonly string[]): DeviceAllocation {
    const devices = [...new Set(ids.map((id) => withoutReplica(id, this.#settings.replicas)))].map((id) => this.#inOrder(id));
    const paths = devices.flatMap((device) => device.paths);
    const given = paths.map((path, index) => this.#given(path, index));
    this.#checkPlaces(given.map(({ containerPath }) => containerPath));
    const { env } = this.#settings;
    return { devices: given, envs: env === undefined ? {} : { [env]: given.map(({ containerPath }) => containerPath).join(',') } };
  }

  #given(path: string, index: number): { hostPath: string; containerPath: string; permissions: string } {
    const { containerPath = path, permissions } = this.#settings;
    const name = path.slice(path.lastIndexOf('/') + 1);
    try {
      const place = containerPath.replaceAll('{name}', name).replaceAll('{index}', String(index));
      return { hostPath: this.#files.hostPath(path), containerPath: place, permissions };
    } catch (thrown) {
      throw notInOrder(path, (thrown as Error).message);
    }
  }

  /** Two files can't be at one place. */
  #checkPlaces(places: readonly string[]): void {
    const twice = places.find((place, index) => places.indexOf(place) !== index);
    if (twice === undefined) return;
    throw new PluginError('FAILED_PRECONDITION', `${places.length} files are for one container, and several of them for ${twice} there`, {
      object: `containerPath of ${this.name}`,
      hint: 'have {name} or {index} in it, which tell files apart',
    });
  }

  #inOrder(id: string): FoundDevice {
    const device = this.#known.get(id);
    if (device !== undefined && device.problem === undefined) return device;
    throw notInOrder(id, device?.problem ?? 'it is gone');
  }
}

function goneOf({ paths }: FoundDevice): string {
  return `there is no ${paths.join(', ')}`;
}
