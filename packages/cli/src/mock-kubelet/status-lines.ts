import type { CsiDriver, ResourceStatus } from '@berth/sdk/mock-kubelet';
import { escaped, shortened } from '@berth/sdk/quoted';
import { formatTable } from '../view/listing.ts';
import type { SessionCommand } from './session-command.ts';

const none = '-';

/** A line for each device, and one for a resource that has none. */
export function resourceLines(resources: readonly ResourceStatus[]): string[] {
  if (resources.length === 0) return ['no device plugin has registered'];
  const rows = resources.flatMap(({ resource, connected, devices }) => {
    const plugin = connected ? 'there' : 'gone';
    const ofDevices = devices.map(({ id, healthy, numaNodes, container }) => {
      return [resource, plugin, shortened(id), healthy ? 'Healthy' : 'Unhealthy', numaNodes.join(',') || none, container ?? none];
    });
    return ofDevices.length > 0 ? ofDevices : [[resource, plugin, none, none, none, none]];
  });
  return formatTable(['RESOURCE', 'PLUGIN', 'DEVICE', 'HEALTH', 'NUMA', 'CONTAINER'], rows).split('\n');
}

/** A block for each driver. */
export function driverLines(drivers: readonly CsiDriver[]): string[] {
  if (drivers.length === 0) return ['no CSI driver has registered'];
  const lines = drivers.flatMap(({ name, version, vendorVersion, endpoint, ready, node, capabilities, nodeCapabilities }) => [
    `${name} ${vendorVersion || 'of no version'}, CSI ${version}, at ${endpoint}${ready ? '' : ', not ready'}`,
    `  node               ${node.id}, ${node.maxVolumes > 0 ? `at most ${node.maxVolumes} volumes` : 'any number of volumes'}`,
    `  topology           ${
      Object.entries(node.topology)
        .map((pair) => pair.join('='))
        .join(', ') || none
    }`,
    `  capabilities       ${capabilities.join(', ') || none}`,
    `  node capabilities  ${nodeCapabilities.join(', ') || none}`,
  ]);
  return lines.map(escaped);
}

/** A line for each command. */
export function helpLines(commands: Readonly<Record<string, SessionCommand>>): string[] {
  const rows = Object.entries(commands).map(([name, { usage, description }]) => [`${name} ${usage}`.trim(), description]);
  return formatTable(['COMMAND', 'WHAT IT DOES'], [...rows, ['quit', 'ends the session']]).split('\n');
}
