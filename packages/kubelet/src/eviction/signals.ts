import type { FsStats, MemoryStats, Summary } from '../stats/summary.ts';

export const signals = [
  'memory.available',
  'allocatableMemory.available',
  'nodefs.available',
  'nodefs.inodesFree',
  'imagefs.available',
  'imagefs.inodesFree',
  'containerfs.available',
  'containerfs.inodesFree',
  'pid.available',
] as const;
/** What of the node can run short (kubelet, eviction/api/types.go). */
export type Signal = (typeof signals)[number];

/** The resource that is short: as in messages and in the requests of containers. */
export type ShortResource = 'memory' | 'ephemeral-storage' | 'inodes' | 'pids';

export type PressureCondition = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';

export function resourceOf(signal: Signal): ShortResource {
  if (signal.startsWith('memory') || signal.startsWith('allocatableMemory')) return 'memory';
  if (signal === 'pid.available') return 'pids';
  return signal.endsWith('inodesFree') ? 'inodes' : 'ephemeral-storage';
}

export function conditionOf(signal: Signal): PressureCondition {
  const resource = resourceOf(signal);
  return resource === 'memory' ? 'MemoryPressure' : resource === 'pids' ? 'PIDPressure' : 'DiskPressure';
}

/** Bytes, inodes or processes. */
export interface Observation {
  available: bigint;
  /** That percentages are of. */
  capacity: bigint;
}

export type Observations = ReadonlyMap<Signal, Observation>;

/** What the figures of a node say of each signal; one that they don't tell has no entry. */
export function observe({ node }: Summary): Observations {
  const { fs, runtime, rlimit, memory, systemContainers = [] } = node;
  const pods = systemContainers.find(({ name }) => name === 'pods');
  const found: [Signal, Observation | undefined][] = [
    ['memory.available', memoryOf(memory)],
    ['allocatableMemory.available', memoryOf(pods?.memory)],
    ...fileSystemOf('nodefs', fs),
    ...fileSystemOf('imagefs', runtime?.imageFs),
    ...fileSystemOf('containerfs', runtime?.containerFs),
    ['pid.available', observation(rlimit?.maxpid === undefined ? undefined : rlimit.maxpid - (rlimit.curproc ?? 0), rlimit?.maxpid)],
  ];
  return new Map(found.flatMap(([signal, each]) => (each ? [[signal, each]] : [])));
}

function memoryOf({ availableBytes, workingSetBytes }: Partial<MemoryStats> = {}): Observation | undefined {
  return observation(availableBytes, (availableBytes ?? 0) + (workingSetBytes ?? 0));
}

function fileSystemOf(name: 'nodefs' | 'imagefs' | 'containerfs', fs: FsStats | undefined): [Signal, Observation | undefined][] {
  return [
    [`${name}.available`, observation(fs?.availableBytes, fs?.capacityBytes)],
    // A file system without a fixed number of inodes tells 0 of both.
    [`${name}.inodesFree`, fs?.inodes ? observation(fs.inodesFree, fs.inodes) : undefined],
  ];
}

function observation(available: number | undefined, capacity: number | undefined): Observation | undefined {
  if (available === undefined || capacity === undefined) return undefined;
  return { available: BigInt(Math.round(available)), capacity: BigInt(Math.round(capacity)) };
}
