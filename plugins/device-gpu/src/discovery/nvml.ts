/** A GPU or MIG device within NVML, until the library is shut down. */
export type NvmlHandle = bigint;

/** What nvmlReturn_t says (nvml.h), of what is told apart here. */
export const nvmlResults = {
  success: 0,
  notSupported: 3,
  notFound: 6,
  timeout: 10,
  functionNotFound: 13,
} as const;

/** A call of NVML that failed. */
export class NvmlError extends Error {
  /** nvmlReturn_t. */
  readonly result: number;

  constructor(call: string, result: number, description: string) {
    super(`${call}: ${description}`);
    this.name = 'NvmlError';
    this.result = result;
  }
}

/** What the other end of an NVLink is (nvmlIntNvLinkDeviceType_t). */
export type NvLinkPeer = 'gpu' | 'switch' | 'other';

/** What an event tells (nvmlEventData_t). */
export interface NvmlEvent {
  device: NvmlHandle;
  /** Of the error; NVML tells of no others here. */
  xid: number;
  gpuInstance: number | undefined;
  computeInstance: number | undefined;
}

/**
 * What is used of NVML, NVIDIA's management library (nvml.h), in its units. Each call throws an NvmlError where NVML does, and one with
 * `functionNotFound` where the library is older than the function.
 */
export interface Nvml {
  init(): Promise<void>;
  shutdown(): Promise<void>;
  driverVersion(): Promise<string>;
  deviceCount(): Promise<number>;
  device(index: number): Promise<NvmlHandle>;
  uuid(device: NvmlHandle): Promise<string>;
  name(device: NvmlHandle): Promise<string>;
  minorNumber(device: NvmlHandle): Promise<number>;
  /** As sysfs writes it: `0000:3b:00.0`. */
  pciAddress(device: NvmlHandle): Promise<string>;
  /** In bytes. */
  totalMemory(device: NvmlHandle): Promise<bigint>;
  migEnabled(device: NvmlHandle): Promise<boolean>;
  mostMigDevices(device: NvmlHandle): Promise<number>;
  migDevice(device: NvmlHandle, index: number): Promise<NvmlHandle>;
  gpuInstance(migDevice: NvmlHandle): Promise<number>;
  computeInstance(migDevice: NvmlHandle): Promise<number>;
  /** Slices that a MIG device has, and its memory in MiB. */
  migAttributes(migDevice: NvmlHandle): Promise<{ gpuSlices: number; computeSlices: number; memoryMiB: bigint }>;
  nvLinkActive(device: NvmlHandle, link: number): Promise<boolean>;
  nvLinkPeer(device: NvmlHandle, link: number): Promise<NvLinkPeer>;
  nvLinkPeerAddress(device: NvmlHandle, link: number): Promise<string>;
  /** nvmlGpuTopologyLevel_t: 0, 10, ... 50. */
  topologyLevel(first: NvmlHandle, second: NvmlHandle): Promise<number>;
  /** A set of events, for `waitForXid` and `freeEvents`. */
  createEvents(): Promise<bigint>;
  /** Critical XIDs of a GPU come to the set from now on. */
  registerXids(device: NvmlHandle, events: bigint): Promise<void>;
  /** The next one; undefined where none came within the time. */
  waitForXid(events: bigint, timeoutMs: number): Promise<NvmlEvent | undefined>;
  freeEvents(events: bigint): Promise<void>;
}
