import { existsSync } from 'node:fs';
import { readKeyed, readNumber, readPressure } from './kernel-file.ts';
import type { Usage } from './usage.ts';
import { workingSetOf } from './working-set.ts';

/** What a cgroup of the unified hierarchy uses (the kernel's cgroup-v2.rst); undefined for one that isn't there. */
export function usageV2(directory: string): Usage | undefined {
  if (!existsSync(directory)) return undefined;
  const processes = readNumber(directory, 'pids.current');
  const pressure = readPressure(directory, 'io.pressure');
  return {
    at: new Date(),
    ...cpu(directory),
    ...memory(directory),
    ...swap(directory),
    ...(pressure && { io: { pressure } }),
    ...(processes !== undefined && { processes }),
  };
}

function cpu(directory: string): Pick<Usage, 'cpu'> {
  const microseconds = readKeyed(directory, 'cpu.stat')?.get('usage_usec');
  if (microseconds === undefined) return {};
  const pressure = readPressure(directory, 'cpu.pressure');
  return { cpu: { total: microseconds * 1000n, ...(pressure && { pressure }) } };
}

function memory(directory: string): Pick<Usage, 'memory'> {
  const used = readNumber(directory, 'memory.current');
  const stat = readKeyed(directory, 'memory.stat');
  if (used === undefined || !stat) return {};
  const of = (key: string): bigint => stat.get(key) ?? 0n;
  const limit = readNumber(directory, 'memory.max');
  const pressure = readPressure(directory, 'memory.pressure');
  return {
    memory: {
      used,
      workingSet: workingSetOf(used, of('inactive_file')),
      rss: of('anon'),
      ...(limit !== undefined && { limit }),
      pageFaults: of('pgfault'),
      majorPageFaults: of('pgmajfault'),
      ...(pressure && { pressure }),
    },
  };
}

function swap(directory: string): Pick<Usage, 'swap'> {
  const used = readNumber(directory, 'memory.swap.current');
  if (used === undefined) return {};
  const limit = readNumber(directory, 'memory.swap.max');
  return { swap: { used, ...(limit !== undefined && { limit }) } };
}
