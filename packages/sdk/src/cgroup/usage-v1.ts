import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { countLines, readKeyed, readNumber, readPressure } from './kernel-file.ts';
import type { Usage } from './usage.ts';
import { workingSetOf } from './working-set.ts';

/** "No limit" is the largest number of whole pages. */
const noLimit = 1n << 62n;

/**
 * What a cgroup of the v1 hierarchies below `root` uses (the kernel's cgroup-v1/): a folder for each controller, `path` the
 * same in all of them. Undefined where none has it. A hybrid host's unified hierarchy tells the pressure, if the cgroup is there too.
 */
export function usageV1(root: string, path: string): Usage | undefined {
  const directory = (controller: string): string => join(root, controller, path);
  if (!['cpuacct', 'memory', 'pids', 'cpu,cpuacct'].some((controller) => existsSync(directory(controller)))) return undefined;
  const processes = readNumber(directory('pids'), 'pids.current') ?? countLines(directory('cpuacct'), 'cgroup.procs');
  const unified = (resource: string) => readPressure(directory('unified'), `${resource}.pressure`);
  const io = unified('io');
  return {
    at: new Date(),
    ...cpu(directory, unified('cpu')),
    ...memory(directory('memory'), unified('memory')),
    ...(io && { io: { pressure: io } }),
    ...(processes !== undefined && { processes }),
  };
}

type Pressure = NonNullable<Usage['io']>['pressure'] | undefined;

function cpu(directory: (controller: string) => string, pressure: Pressure): Pick<Usage, 'cpu'> {
  const total = readNumber(directory('cpuacct'), 'cpuacct.usage') ?? readNumber(directory('cpu,cpuacct'), 'cpuacct.usage');
  return total === undefined ? {} : { cpu: { total, ...(pressure && { pressure }) } };
}

function memory(directory: string, pressure: Pressure): Pick<Usage, 'memory' | 'swap'> {
  const used = readNumber(directory, 'memory.usage_in_bytes');
  const stat = readKeyed(directory, 'memory.stat');
  if (used === undefined || !stat) return {};
  const of = (key: string): bigint => stat.get(`total_${key}`) ?? 0n;
  const limit = limitIn(directory, 'memory.limit_in_bytes');
  const withSwap = limitIn(directory, 'memory.memsw.limit_in_bytes');
  const swapLimit = limit !== undefined && withSwap !== undefined && withSwap >= limit ? withSwap - limit : undefined;
  return {
    memory: {
      used,
      workingSet: workingSetOf(used, of('inactive_file')),
      rss: of('rss'),
      ...(limit !== undefined && { limit }),
      pageFaults: of('pgfault'),
      majorPageFaults: of('pgmajfault'),
      ...(pressure && { pressure }),
    },
    // Told only where the kernel accounts for swap.
    ...(stat.has('total_swap') && { swap: { used: of('swap'), ...(swapLimit !== undefined && { limit: swapLimit }) } }),
  };
}

function limitIn(directory: string, name: string): bigint | undefined {
  const limit = readNumber(directory, name);
  return limit === undefined || limit >= noLimit ? undefined : limit;
}
