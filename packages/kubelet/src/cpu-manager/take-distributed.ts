import { CpuSet } from '../machine/cpu-set.ts';
import { cpusWhere, type MachineTopology } from '../machine/machine-topology.ts';
import { type TakeOptions, takePacked } from './cpu-accumulator.ts';

/** NUMA nodes from which the same number of CPUs is taken; those of `more` give another group besides. */
interface Distribution {
  nodes: number[];
  each: number;
  more: number[];
}

/**
 * Takes CPUs evenly from as few NUMA nodes as have enough, in groups of `groupSize` (the threads of a core, where cores stay whole), so
 * that what is left is as even as can be (kubelet's distribute-cpus-across-numa). Packs them where no even distribution is
 * possible; undefined if fewer than `count` are available.
 */
export function takeDistributed(
  machine: MachineTopology,
  available: CpuSet,
  count: number,
  groupSize: number,
  options: TakeOptions,
): CpuSet | undefined {
  if (available.size < count) return undefined;
  const onNode = new Map(machine.numaNodes.map(({ id }) => [id, available.intersection(cpusWhere(machine, (cpu) => cpu.numaNode === id))]));
  const free = new Map([...onNode].map(([id, cpus]) => [id, cpus.size]));
  const chosen = count % groupSize === 0 ? choose(free, count, groupSize) : undefined;
  if (!chosen) return takePacked(machine, available, count, options);
  const parts = chosen.nodes.map((node) =>
    takePacked(machine, onNode.get(node) ?? CpuSet.empty, chosen.each + (chosen.more.includes(node) ? groupSize : 0), options),
  );
  return parts.reduce((total, part) => (total && part ? total.union(part) : undefined), CpuSet.empty);
}

/** The distribution over the fewest nodes that leaves the most even rest. */
function choose(free: ReadonlyMap<number, number>, count: number, groupSize: number): Distribution | undefined {
  const nodes = [...free.keys()].filter((node) => (free.get(node) ?? 0) >= groupSize);
  for (let size = 1; size <= nodes.length; size++) {
    const possible = combinations(nodes, size).flatMap((combination) => distributions(free, combination, count, groupSize));
    const [best] = possible.toSorted((a, b) => unevenness(free, a, groupSize) - unevenness(free, b, groupSize));
    if (best) return best;
  }
  return undefined;
}

function distributions(free: ReadonlyMap<number, number>, nodes: number[], count: number, groupSize: number): Distribution[] {
  const each = Math.floor(count / nodes.length / groupSize) * groupSize;
  const groupsLeft = (count - each * nodes.length) / groupSize;
  if (nodes.some((node) => (free.get(node) ?? 0) < each)) return [];
  const roomy = nodes.filter((node) => (free.get(node) ?? 0) - each >= groupSize);
  return combinations(roomy, groupsLeft).map((more) => ({ nodes, each, more }));
}

/** Standard deviation of what is left on all nodes. */
function unevenness(free: ReadonlyMap<number, number>, { nodes, each, more }: Distribution, groupSize: number): number {
  const left = [...free].map(([node, size]) => size - (nodes.includes(node) ? each : 0) - (more.includes(node) ? groupSize : 0));
  const mean = left.reduce((sum, size) => sum + size, 0) / left.length;
  return Math.sqrt(left.reduce((sum, size) => sum + (size - mean) ** 2, 0) / left.length);
}

/** All ways to choose `size` of the items. */
function combinations(items: readonly number[], size: number): number[][] {
  if (size === 0) return [[]];
  return items.flatMap((item, index) => combinations(items.slice(index + 1), size - 1).map((rest) => [item, ...rest]));
}
