import type { DevicePluginOptions } from '../gen/device-plugin.ts';

/** One device, as its plugin told of it last. */
export interface DeviceStatus {
  id: string;
  healthy: boolean;
  /** The NUMA nodes that it is near to. */
  numaNodes: readonly number[];
}

/** A plugin of a resource, from its registration on. */
export interface DevicePluginRegistration {
  socket: string;
  registeredAt: Date;
  /** As it answered GetDevicePluginOptions. */
  options: DevicePluginOptions;
}
