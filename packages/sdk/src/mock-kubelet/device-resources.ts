import { DevicePluginClient } from '../device/device-plugin-client.ts';
import type { DeviceRegistration } from '../device/device-registration.ts';
import { PluginError } from '../errors.ts';
import type { DevicePluginOptions } from '../gen/device-plugin.ts';
import { DeviceResource } from './device-resource.ts';
import type { Tell } from './mock-kubelet-event.ts';

interface DeviceResourcesOptions {
  tell: Tell;
  now(): Date;
}

/** The resources that device plugins have registered, and the streams of those plugins. */
export class DeviceResources {
  readonly #options: DeviceResourcesOptions;
  readonly #byName = new Map<string, DeviceResource>();
  readonly #following = new Set<Promise<void>>();

  constructor(options: DeviceResourcesOptions) {
    this.#options = options;
  }

  all(): Iterable<DeviceResource> {
    return this.#byName.values();
  }

  /** NOT_FOUND where no plugin has ever registered it. */
  get(name: string): DeviceResource {
    const resource = this.#byName.get(name);
    if (resource) return resource;
    const known = [...this.#byName.keys()];
    throw new PluginError('NOT_FOUND', 'no device plugin has registered it', {
      object: `resource ${name}`,
      hint: known.length > 0 ? `take one of ${known.join(', ')}, or start its plugin` : 'start its plugin',
    });
  }

  /** Takes a plugin, and reads its lists until `signal` aborts. Throws where it doesn't answer. */
  async register({ resourceName, socket, options }: DeviceRegistration, signal: AbortSignal): Promise<void> {
    const client = await open(resourceName, socket, signal);
    const { tell, now } = this.#options;
    const resource = this.#byName.get(resourceName) ?? new DeviceResource(resourceName, tell);
    this.#byName.set(resourceName, resource);
    const other = resource.client;
    if (other && other.socket !== socket) tell({ event: 'problem', message: twoPlugins(resourceName, other.socket, socket) });
    if (options && !areAlike(options, client.options)) tell({ event: 'problem', message: unlikeOptions(resourceName, socket) });
    tell({ event: 'registered', resource: resourceName, socket, options: client.options });
    const following = resource.follow(client, now(), signal).finally(() => this.#following.delete(following));
    this.#following.add(following);
  }

  /** The plugin's socket has gone: it is given up, as if its stream had ended. */
  giveUp(name: string, socket: string): void {
    this.#byName.get(name)?.giveUp(socket, 'its socket has gone');
  }

  /** Until no plugin is read any more. */
  async ended(): Promise<void> {
    await Promise.all(this.#following);
  }
}

async function open(resourceName: string, socket: string, signal: AbortSignal): Promise<DevicePluginClient> {
  try {
    return await DevicePluginClient.open({ resourceName, socket, signal });
  } catch (thrown) {
    const { code, what } = PluginError.from(thrown);
    throw new PluginError(code, `it doesn't answer GetDevicePluginOptions: ${what}`, {
      object: `device plugin for ${resourceName} at ${socket}`,
      hint: 'serve the service v1beta1.DevicePlugin there before registering',
      cause: thrown,
    });
  }
}

function twoPlugins(resource: string, old: string, young: string): string {
  return `resource ${resource}: a second plugin has registered it, at ${young}, and takes the place of the one at ${old}; run one plugin for each resource`;
}

function areAlike(said: DevicePluginOptions, answered: DevicePluginOptions): boolean {
  return (
    said.preStartRequired === answered.preStartRequired && said.getPreferredAllocationAvailable === answered.getPreferredAllocationAvailable
  );
}

function unlikeOptions(resource: string, socket: string): string {
  return `device plugin for ${resource} at ${socket}: it registered with other options than it answers to GetDevicePluginOptions, which count; give the same in both`;
}
