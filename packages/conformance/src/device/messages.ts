import type { CallBounds } from '../case-scope.ts';

/** The messages of `proto/device-plugin.proto` as proto-loader decodes them. */
export interface DevicePluginOptions {
  preStartRequired: boolean;
  getPreferredAllocationAvailable: boolean;
}

export interface RegisterRequest {
  version: string;
  endpoint: string;
  resourceName: string;
  options: DevicePluginOptions | null;
}

export interface Device {
  ID: string;
  health: string;
  topology: { nodes: { ID: string }[] } | null;
}

/** What is added to a container. */
export interface ContainerAllocateResponse {
  envs: Record<string, string>;
  mounts: { containerPath: string; hostPath: string; readOnly: boolean }[];
  devices: { containerPath: string; hostPath: string; permissions: string }[];
  annotations: Record<string, string>;
  cdiDevices: { name: string }[];
}

export interface AllocateRequest {
  containerRequests: { devicesIds: string[] }[];
}

export interface ContainerPreferenceRequest {
  availableDeviceIDs: string[];
  mustIncludeDeviceIDs?: string[];
  allocationSize: number;
}

/** A plugin's calls under their own names. */
export interface DeviceClient {
  GetDevicePluginOptions(request: object, bounds?: CallBounds): Promise<DevicePluginOptions>;
  ListAndWatch(request: object, bounds?: CallBounds): AsyncIterable<{ devices: Device[] }>;
  GetPreferredAllocation(
    request: { containerRequests: ContainerPreferenceRequest[] },
    bounds?: CallBounds,
  ): Promise<{ containerResponses: { deviceIDs: string[] }[] }>;
  Allocate(request: AllocateRequest, bounds?: CallBounds): Promise<{ containerResponses: ContainerAllocateResponse[] }>;
  PreStartContainer(request: { devicesIds: string[] }, bounds?: CallBounds): Promise<object>;
}
