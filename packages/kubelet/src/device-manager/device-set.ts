import { maskOf, type NumaMask } from '../topology-manager/numa-mask.ts';

/** One device, as its plugin told of it last. */
export interface KnownDevice {
  healthy: boolean;
  /** The NUMA nodes that it is near to; 0: it is near to none. */
  nodes: NumaMask;
}

/** The devices of one resource, by id. */
export type DeviceSet = ReadonlyMap<string, KnownDevice>;

/** A device that is near to these NUMA nodes. */
export function deviceNear(nodes: Iterable<number>, healthy = true): KnownDevice {
  return { healthy, nodes: maskOf(nodes) };
}

export function healthyOf(devices: DeviceSet): string[] {
  const ids: string[] = [];
  for (const [id, { healthy }] of devices) if (healthy) ids.push(id);
  return ids;
}
