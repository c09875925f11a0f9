import { stat } from 'node:fs/promises';
import type { Container, Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { ifThere } from '@berth/sdk/if-there';
import { uidOf } from '../pod.ts';
import { anyNode, type HintProvider } from '../topology-manager/hint-provider.ts';
import { type AllocateCaller, answersOf } from './allocate-caller.ts';
import type { DeviceHoldings } from './device-holdings.ts';
import type { DevicePlugins } from './device-plugins.ts';
import { deviceRequests } from './device-requests.ts';
import { type DeviceRunContainerOptions, mergeAllocateResponses } from './device-run-container-options.ts';
import { pendingDevices } from './pending-devices.ts';
import { unregisteredDevice } from './refusals.ts';
import type { SavedHoldings } from './saved-holdings.ts';

interface ContainerDevicesOptions {
  holdings: DeviceHoldings;
  reservations: HintProvider;
  calls: AllocateCaller;
  plugins: DevicePlugins;
  saved: SavedHoldings;
}

/** Gives containers that are about to be made what their devices bring with them. */
export class ContainerDevices {
  readonly #options: ContainerDevicesOptions;

  constructor(options: ContainerDevicesOptions) {
    this.#options = options;
  }

  /**
   * All that plugins answered for the container, whose devices are readied where their plugin asks for it. A container whose devices nobody knows any
   * more is given others. UNAVAILABLE for a plugin that hasn't come since the kubelet began; NOT_FOUND for a path that isn't on the host.
   */
  async runContainerOptions(pod: Pod, container: Container, signal: AbortSignal): Promise<DeviceRunContainerOptions> {
    const { holdings, plugins, saved } = this.#options;
    await this.#giveAnew(pod, container, signal);
    saved.flush();
    for (const { resource, ids } of holdings.ofContainer(uidOf(pod), container.name)) await plugins.preStart(resource, ids, signal);
    const merged = mergeAllocateResponses(answersOf(holdings, { uid: uidOf(pod), container: container.name }));
    await checkHostPaths(merged);
    return merged;
  }

  /** The container doesn't run: what it may have had is free, and it is given as at admission. */
  async #giveAnew(pod: Pod, container: Container, signal: AbortSignal): Promise<void> {
    const { holdings, reservations, calls, saved } = this.#options;
    for (const resource of deviceRequests(container).keys()) {
      holdings.forgetUnknownDevices({ uid: uidOf(pod), container: container.name, resource });
    }
    if (pendingDevices(holdings, pod, container).length === 0) return;
    const refusal = reservations.allocate(pod, container, anyNode) ?? (await calls.callForContainer(pod, container, signal));
    const [missing] = pendingDevices(holdings, pod, container);
    const why = refusal?.message ?? (missing && unregisteredDevice(missing));
    if (why) throw new PluginError('RESOURCE_EXHAUSTED', why, { object: `devices of container ${container.name}` });
    saved.changed();
  }
}

/** What a runtime would make of a path that isn't there, nobody knows: some make a directory of it. */
async function checkHostPaths({ mounts, devices }: DeviceRunContainerOptions): Promise<void> {
  for (const { hostPath } of [...mounts, ...devices]) {
    if (await ifThere(hostPath, stat(hostPath))) continue;
    throw new PluginError('NOT_FOUND', 'there is no such path on the host', {
      object: `${hostPath}, which a device plugin gives the container`,
      hint: 'see whether the device is there and its driver loaded; the container is made once the path is there',
    });
  }
}
