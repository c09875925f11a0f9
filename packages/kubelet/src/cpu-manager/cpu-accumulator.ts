import { CpuSet } from '../machine/cpu-set.ts';
import { type Cpu, countOf, type MachineTopology, threadsPerCore } from '../machine/machine-topology.ts';

type Level = 'numaNode' | 'socket' | 'uncoreCache' | 'core';

/** How CPUs are chosen among those that are free. */
export interface TakeOptions {
  /** Threads of different cores first, instead of whole cores (distribute-cpus-across-cores). */
  spreadCores?: boolean;
  /** Whole last level caches where that is possible (prefer-align-cpus-by-uncorecache). */
  alignByUncoreCache?: boolean;
}

/**
 * Takes CPUs so that as much as possible of the machine stays whole: NUMA nodes and sockets that are free altogether if that many are
 * asked for, then cores, then threads, always where least is free already (kubelet, cm/cpumanager/cpu_assignment.go). Undefined if
 * fewer than `count` are available.
 */
export function takePacked(machine: MachineTopology, available: CpuSet, count: number, options: TakeOptions = {}): CpuSet | undefined {
  return new CpuAccumulator(machine, available, count).take(options);
}

class CpuAccumulator {
  readonly #machine: MachineTopology;
  readonly #taken: number[] = [];
  #available: Cpu[];
  #needed: number;
  /** From the greatest part of the machine to the smallest: a NUMA node has several sockets, or a socket several NUMA nodes. */
  readonly #outer: Level[];

  constructor(machine: MachineTopology, available: CpuSet, count: number) {
    this.#machine = machine;
    this.#available = machine.cpus.filter(({ id }) => available.has(id));
    this.#needed = count;
    this.#outer = countOf(machine, 'socket') >= countOf(machine, 'numaNode') ? ['numaNode', 'socket'] : ['socket', 'numaNode'];
  }

  take({ spreadCores, alignByUncoreCache }: TakeOptions): CpuSet | undefined {
    if (this.#available.length < this.#needed) return undefined;
    const [first = 'numaNode'] = this.#outer;
    this.#takeWhole([first], first);
    this.#takeWhole(this.#outer, this.#outer[1] ?? first);
    if (alignByUncoreCache) this.#takeCaches();
    if (!spreadCores) this.#takeWhole([...this.#outer, 'core'], 'core');
    this.#takeThreads(spreadCores ?? false);
    return new CpuSet(this.#taken);
  }

  /** The available CPUs in groups by the last of the levels, in the order in which they are to be taken: the fullest first. */
  #groups(path: Level[]): Cpu[][] {
    return path.reduce<Cpu[][]>(
      (groups, level) =>
        groups.flatMap((group) => [...Map.groupBy(group, (cpu) => cpu[level])].toSorted(fewestThenLowest).map(([, cpus]) => cpus)),
      [this.#available],
    );
  }

  /** Groups of which nothing is taken, one after another, as long as that many are needed. */
  #takeWhole(path: Level[], level: Level): void {
    for (const group of this.#groups(path)) {
      const all = this.#machine.cpus.filter((cpu) => cpu[level] === group[0]?.[level]);
      if (all.length === group.length && this.#needed >= all.length) this.#add(group);
    }
  }

  #takeCaches(): void {
    const path: Level[] = [...this.#outer, 'uncoreCache'];
    this.#takeWhole(path, 'uncoreCache');
    for (const cache of this.#groups(path)) {
      const cores = this.#wholeCores(cache).slice(0, Math.ceil(this.#needed / threadsPerCore(this.#machine)));
      if (this.#needed > 0 && cores.flat().length >= this.#needed) this.#add(cores.flat().slice(0, this.#needed));
    }
  }

  #wholeCores(cpus: Cpu[]): Cpu[][] {
    const threads = (core: number) => this.#machine.cpus.filter((cpu) => cpu.core === core).length;
    return [...Map.groupBy(cpus, ({ core }) => core)].filter(([core, group]) => group.length === threads(core)).map(([, group]) => group);
  }

  #takeThreads(spread: boolean): void {
    const cores = this.#groups([...this.#outer, 'core']);
    const order = spread ? alternately(cores) : cores.flat();
    this.#add(order.slice(0, this.#needed));
  }

  #add(cpus: Cpu[]): void {
    this.#taken.push(...cpus.map(({ id }) => id));
    this.#available = this.#available.filter((cpu) => !cpus.includes(cpu));
    this.#needed -= cpus.length;
  }
}

function fewestThenLowest([id, cpus]: [number, Cpu[]], [otherId, others]: [number, Cpu[]]): number {
  return cpus.length - others.length || id - otherId;
}

/** The first thread of each core, then the second of each, and so on. */
function alternately(cores: Cpu[][]): Cpu[] {
  const most = Math.max(0, ...cores.map(({ length }) => length));
  return Array.from({ length: most }, (_, thread) => cores.flatMap((core) => core.slice(thread, thread + 1))).flat();
}
