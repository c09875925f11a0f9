import type { CpuUsage, IoUsage, MemoryUsage, NetworkInterfaceUsage, NetworkUsage, PsiData, PsiStats, SwapUsage } from '@berth/sdk/cri';
import { apiTime } from '../pod.ts';
import type { CpuStats, InterfaceStats, IoStats, MemoryStats, NetworkStats, Pressure, PressureData, SwapStats } from './summary.ts';

type Value = { value: bigint } | undefined;

export function cpuFromCri({ timestamp, usageNanoCores, usageCoreNanoSeconds, psi }: CpuUsage): CpuStats {
  return {
    time: criTime(timestamp),
    ...known('usageNanoCores', usageNanoCores),
    ...known('usageCoreNanoSeconds', usageCoreNanoSeconds),
    ...(psi && { psi: pressure(psi) }),
  };
}

export function memoryFromCri(usage: MemoryUsage): MemoryStats {
  return {
    time: criTime(usage.timestamp),
    ...known('availableBytes', usage.availableBytes),
    ...known('usageBytes', usage.usageBytes),
    ...known('workingSetBytes', usage.workingSetBytes),
    ...known('rssBytes', usage.rssBytes),
    ...known('pageFaults', usage.pageFaults),
    ...known('majorPageFaults', usage.majorPageFaults),
    ...(usage.psi && { psi: pressure(usage.psi) }),
  };
}

export function swapFromCri({ timestamp, swapAvailableBytes, swapUsageBytes }: SwapUsage): SwapStats {
  return {
    time: criTime(timestamp),
    ...known('swapAvailableBytes', swapAvailableBytes),
    ...known('swapUsageBytes', swapUsageBytes),
  };
}

export function ioFromCri({ timestamp, psi }: IoUsage): IoStats {
  return { time: criTime(timestamp), ...(psi && { psi: pressure(psi) }) };
}

export function networkFromCri({ timestamp, defaultInterface, interfaces }: NetworkUsage): NetworkStats {
  const main = defaultInterface && interfaceFromCri(defaultInterface);
  return { time: criTime(timestamp), ...main, interfaces: [...(main ? [main] : []), ...interfaces.map(interfaceFromCri)] };
}

/** Pressure as CRI and the kernel's files tell it. */
export function pressure({ Full, Some }: PsiStats): Pressure {
  return { full: pressureData(Full), some: pressureData(Some) };
}

/** CRI times are nanoseconds since the epoch; containerd 1.6 tells none of networks, which it has just read. */
export function criTime(nanoseconds: bigint): string {
  return apiTime(nanoseconds > 0n ? new Date(Number(nanoseconds / 1_000_000n)) : new Date());
}

function interfaceFromCri({ name, rxBytes, rxErrors, txBytes, txErrors }: NetworkInterfaceUsage): InterfaceStats {
  return {
    name,
    ...known('rxBytes', rxBytes),
    ...known('rxErrors', rxErrors),
    ...known('txBytes', txBytes),
    ...known('txErrors', txErrors),
  };
}

function pressureData({ Total = 0n, Avg10 = 0, Avg60 = 0, Avg300 = 0 }: Partial<PsiData> = {}): PressureData {
  return { total: Number(Total), avg10: Avg10, avg60: Avg60, avg300: Avg300 };
}

function known<Key extends string>(key: Key, value: Value): { [K in Key]?: number } {
  return value === undefined ? {} : ({ [key]: Number(value.value) } as { [K in Key]?: number });
}
