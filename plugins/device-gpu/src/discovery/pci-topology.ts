import type { HostRoot } from '../host-root.ts';
import type { PciDistance } from './gpu-links.ts';

const devices = '/sys/bus/pci/devices';

/** The NUMA node that a PCI device is near to; undefined where it is near to none, or the kernel doesn't tell. */
export function numaNodeOf(host: HostRoot, busId: string): number | undefined {
  const text = host.read(`${devices}/${busId}/numa_node`)?.trim() ?? '';
  return /^\d{1,4}$/.test(text) ? Number(text) : undefined;
}

/** Whether a PCI device is on the bus: one that fell off it, or was taken out, isn't. Where there is no list of devices, all are. */
export function isOnBus(host: HostRoot, busId: string): boolean {
  return host.exists(`${devices}/${busId}`) || !host.exists(devices);
}

/** The bridges above a PCI device and itself, from the root on: `pci0000:3a`, `0000:3a:00.0`, `0000:3b:00.0`; none where the kernel doesn't tell. */
export function pciPathOf(host: HostRoot, busId: string): string[] {
  return (host.resolve(`${devices}/${busId}`) ?? '')
    .split('/')
    .filter((part) => /^(pci)?[0-9a-f]{4,}:[0-9a-f]{2}(:[0-9a-f]{2}\.[0-7])?$/.test(part));
}

/** What two devices need to be known of for their distance. */
interface Place {
  path: readonly string[];
  numaNode: number | undefined;
}

/** Below a switch there is one of its ports, and the device. */
const stepsBelowSwitch = 2;

/** How far two devices are apart, by the bridges that they share. */
export function pciDistance(first: Place, second: Place): PciDistance {
  const shared = first.path.findIndex((part, index) => part !== second.path[index]);
  if (shared > 1) {
    const furthest = Math.max(first.path.length, second.path.length) - shared;
    return furthest <= stepsBelowSwitch ? 'one switch' : 'several switches';
  }
  if (shared === 1) return 'host bridge';
  return first.numaNode !== undefined && first.numaNode === second.numaNode ? 'NUMA node' : 'system';
}
