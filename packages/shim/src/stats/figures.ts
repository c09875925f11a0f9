import type { Usage } from '@berth/sdk/cgroup/usage';
import type {
  CpuUsage,
  FilesystemUsage,
  IoUsage,
  MemoryUsage,
  NetworkInterfaceUsage,
  NetworkUsage,
  ProcessUsage,
  SwapUsage,
} from '@berth/sdk/cri';
import type { InterfaceCounters } from '@berth/sdk/interface-counters';
import { nanoseconds } from '../identifiers.ts';
import type { LayerSize } from './writable-layers.ts';

/** The interface that the shim has CNI make, and that the default route goes through. */
export const podInterface = 'eth0';

/** `rate`: nanoseconds of CPU time a second. */
export function cpuUsage({ at, cpu }: Usage, rate: bigint | undefined): CpuUsage | undefined {
  if (!cpu) return undefined;
  return {
    timestamp: nanoseconds(at.getTime()),
    usageCoreNanoSeconds: { value: cpu.total },
    usageNanoCores: optional(rate),
    psi: cpu.pressure,
  };
}

export function memoryUsage({ at, memory }: Usage): MemoryUsage | undefined {
  if (!memory) return undefined;
  const { used, workingSet, rss, limit, pageFaults, majorPageFaults, pressure } = memory;
  return {
    timestamp: nanoseconds(at.getTime()),
    workingSetBytes: { value: workingSet },
    availableBytes: limit === undefined ? undefined : { value: difference(limit, workingSet) },
    usageBytes: { value: used },
    rssBytes: { value: rss },
    pageFaults: { value: pageFaults },
    majorPageFaults: { value: majorPageFaults },
    psi: pressure,
  };
}

export function swapUsage({ at, swap }: Usage): SwapUsage | undefined {
  if (!swap) return undefined;
  const { used, limit } = swap;
  return {
    timestamp: nanoseconds(at.getTime()),
    swapAvailableBytes: limit === undefined ? undefined : { value: difference(limit, used) },
    swapUsageBytes: { value: used },
  };
}

export function ioUsage({ at, io }: Usage): IoUsage | undefined {
  return io && { timestamp: nanoseconds(at.getTime()), psi: io.pressure };
}

export function processUsage({ at, processes }: Usage): ProcessUsage | undefined {
  return processes === undefined ? undefined : { timestamp: nanoseconds(at.getTime()), processCount: { value: processes } };
}

/** `mountpoint`: a directory of the file system that it lies on. */
export function filesystemUsage(size: LayerSize | undefined, mountpoint: string): FilesystemUsage | undefined {
  if (!size) return undefined;
  const { at, bytes, inodes } = size;
  return { timestamp: nanoseconds(at.getTime()), fsId: { mountpoint }, usedBytes: { value: bytes }, inodesUsed: { value: inodes } };
}

export function networkUsage(interfaces: InterfaceCounters[]): NetworkUsage {
  return {
    timestamp: nanoseconds(Date.now()),
    defaultInterface: interfaces.filter(({ name }) => name === podInterface).map(interfaceUsage)[0],
    interfaces: interfaces.filter(({ name }) => name !== podInterface).map(interfaceUsage),
  };
}

function interfaceUsage({ name, received, sent }: InterfaceCounters): NetworkInterfaceUsage {
  return {
    name,
    rxBytes: { value: received.bytes },
    rxErrors: { value: received.errors },
    txBytes: { value: sent.bytes },
    txErrors: { value: sent.errors },
  };
}

function difference(limit: bigint, used: bigint): bigint {
  return limit > used ? limit - used : 0n;
}

function optional(value: bigint | undefined): { value: bigint } | undefined {
  return value === undefined ? undefined : { value };
}
