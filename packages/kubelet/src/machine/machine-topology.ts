import { CpuSet } from './cpu-set.ts';

/** A logical CPU and where it is. */
export interface Cpu {
  id: number;
  /** The lowest CPU among the threads of its core, so that cores of two sockets never share a number. */
  core: number;
  socket: number;
  numaNode: number;
  /** The last level cache that it shares; the lowest CPU of those that do. */
  uncoreCache: number;
}

/** A part of the machine's memory, with the CPUs that are near to it. */
export interface NumaNode {
  id: number;
  /** Bytes by resource name: `memory` (the huge pages included), `hugepages-2Mi`, ... */
  memory: ReadonlyMap<string, bigint>;
  /** To each NUMA node by its id, in the firmware's units: 10 is the own one. */
  distances: ReadonlyMap<number, number>;
}

/** What of the machine the resource managers hand out: CPUs that are online, ascending, and memory. */
export interface MachineTopology {
  cpus: readonly Cpu[];
  numaNodes: readonly NumaNode[];
}

/** The CPUs for which `condition` holds. */
export function cpusWhere({ cpus }: MachineTopology, condition: (cpu: Cpu) => boolean = () => true): CpuSet {
  return new CpuSet(cpus.filter(condition).map(({ id }) => id));
}

/** How many different cores, sockets, ... the machine has. */
export function countOf({ cpus }: MachineTopology, level: 'core' | 'socket' | 'numaNode'): number {
  return new Set(cpus.map((cpu) => cpu[level])).size;
}

/** Threads of a core; on a machine whose cores differ the mean, rounded down, as kubelet reckons. */
export function threadsPerCore(machine: MachineTopology): number {
  return Math.floor(machine.cpus.length / (countOf(machine, 'core') || 1));
}
