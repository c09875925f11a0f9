import type { Usage } from '@berth/sdk/cgroup/usage';
import { apiTime } from '../pod.ts';
import { pressure } from './cri-figures.ts';
import type { ResourceFigures } from './node-reading.ts';
import type { MemoryStats } from './summary.ts';

/** A cgroup's figures in the words of a summary. `rate`: nanoseconds of CPU time a second. */
export function figuresOf({ at, cpu, memory, swap, io }: Usage, rate?: bigint): ResourceFigures {
  const time = apiTime(at);
  return {
    ...(cpu && {
      cpu: {
        time,
        ...(rate !== undefined && { usageNanoCores: Number(rate) }),
        usageCoreNanoSeconds: Number(cpu.total),
        ...(cpu.pressure && { psi: pressure(cpu.pressure) }),
      },
    }),
    ...(memory && { memory: memoryFigures(time, memory) }),
    ...(swap && {
      swap: {
        time,
        ...(swap.limit !== undefined && { swapAvailableBytes: positive(swap.limit - swap.used) }),
        swapUsageBytes: Number(swap.used),
      },
    }),
    ...(io && { io: { time, psi: pressure(io.pressure) } }),
  };
}

/** What the runtime said, and what the cgroup tells besides. */
export function completed(told: ResourceFigures, read: ResourceFigures): ResourceFigures {
  return {
    ...merged('cpu', told, read),
    ...merged('memory', told, read),
    ...merged('swap', told, read),
    ...merged('io', told, read),
  };
}

function merged<Key extends keyof ResourceFigures>(key: Key, told: ResourceFigures, read: ResourceFigures): ResourceFigures {
  return told[key] || read[key] ? { [key]: { ...read[key], ...told[key] } } : {};
}

function memoryFigures(time: string, memory: NonNullable<Usage['memory']>): MemoryStats {
  const { used, workingSet, rss, limit, pageFaults, majorPageFaults, pressure: stalls } = memory;
  return {
    time,
    ...(limit !== undefined && { availableBytes: positive(limit - workingSet) }),
    usageBytes: Number(used),
    workingSetBytes: Number(workingSet),
    rssBytes: Number(rss),
    pageFaults: Number(pageFaults),
    majorPageFaults: Number(majorPageFaults),
    ...(stalls && { psi: pressure(stalls) }),
  };
}

function positive(value: bigint): number {
  return Math.max(0, Number(value));
}
