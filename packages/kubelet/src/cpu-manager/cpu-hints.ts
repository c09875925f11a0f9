import type { CpuSet } from '../machine/cpu-set.ts';
import { countOf, type MachineTopology } from '../machine/machine-topology.ts';
import type { TopologyHint } from '../topology-manager/hint-provider.ts';
import { countNodes, hasNode, masksOf, type NumaMask } from '../topology-manager/numa-mask.ts';

interface CpuRequest {
  count: number;
  /** Free CPUs. */
  available: CpuSet;
  /** CPUs that the pod has already and its containers may have again: they are to be among those chosen. */
  reusable: CpuSet;
  alignBySocket: boolean;
}

/** Every set of NUMA nodes that has the CPUs; preferred are those of the least size that an empty machine would need. */
export function cpuHints(machine: MachineTopology, { count, available, reusable, alignBySocket }: CpuRequest): TopologyHint[] {
  const masks = masksOf(machine.numaNodes.map(({ id }) => id));
  const inMask = (mask: NumaMask) => machine.cpus.filter(({ numaNode }) => hasNode(mask, numaNode));
  const least = Math.min(machine.numaNodes.length, ...masks.filter((mask) => inMask(mask).length >= count).map(countNodes));
  const possible = masks.filter((mask) => {
    const cpus = inMask(mask);
    const reused = cpus.filter(({ id }) => reusable.has(id)).length;
    return reused === reusable.size && reused + cpus.filter(({ id }) => available.has(id) && !reusable.has(id)).length >= count;
  });
  return possible.map((mask) => ({
    affinity: mask,
    preferred: countNodes(mask) === least || (alignBySocket && isSocketAligned(machine, mask, least)),
  }));
}

/** Whether the nodes are in as few sockets as possible, if not as few nodes. */
function isSocketAligned(machine: MachineTopology, mask: NumaMask, leastNodes: number): boolean {
  const nodesPerSocket = Math.floor(machine.numaNodes.length / countOf(machine, 'socket'));
  const sockets = new Set(machine.cpus.filter(({ numaNode }) => hasNode(mask, numaNode)).map(({ socket }) => socket));
  return sockets.size === Math.ceil(leastNodes / nodesPerSocket);
}
