import { readAmounts } from '@berth/api/resource-amounts';
import { PluginError } from '@berth/sdk/errors';
import type { MachineTopology, NumaNode } from '../machine/machine-topology.ts';
import { isMemory } from './memory-requests.ts';
import type { MemoryTable } from './memory-state.ts';
import type { NodeMemory } from './node-memory.ts';

/** An entry of KubeletConfiguration's `reservedMemory`: what of a NUMA node's memory pods don't get. */
export interface ReservedMemory {
  numaNode: number;
  /** Quantities by resource name. */
  limits: Readonly<Record<string, string>>;
}

/** INVALID_ARGUMENT unless the reservations are of nodes that there are, once each, and together `total`: what the node keeps from pods, in bytes. */
export function checkReservedMemory({ numaNodes }: MachineTopology, reserved: readonly ReservedMemory[], total: bigint): void {
  if (reserved.length === 0) throw refused('the policy Static needs reserved memory', `set it to ${total} bytes of memory in all`);
  const seen = new Set<string>();
  for (const { numaNode, limits } of reserved) {
    if (!numaNodes.some(({ id }) => id === numaNode)) {
      throw refused(`this machine has no NUMA node ${numaNode}`, `use ${numaNodes.map(({ id }) => id).join(', ')}`);
    }
    for (const resource of Object.keys(limits)) {
      if (!isMemory(resource)) throw refused(`${JSON.stringify(resource)} is no memory`, 'use memory or hugepages-SIZE');
      if (seen.has(`${numaNode} ${resource}`)) throw refused(`${resource} of NUMA node ${numaNode} is reserved twice`, 'leave one out');
      seen.add(`${numaNode} ${resource}`);
    }
  }
  const sum = reserved.reduce((bytes, { limits }) => bytes + (readAmounts(limits).get('memory') ?? 0n), 0n);
  if (sum === total) return;
  throw refused(
    `the memory of all NUMA nodes is ${sum} bytes, and kubeReserved, systemReserved and evictionHard make ${total}`,
    'make them equal',
  );
}

/** Every NUMA node with all of its memory free but what is reserved. */
export function emptyNodeMemory({ numaNodes }: MachineTopology, reserved: readonly ReservedMemory[]): NodeMemory {
  return new Map(
    numaNodes.map((node) => [
      node.id,
      { numberOfAssignments: 0, memoryMap: Object.fromEntries(tablesOf(node, reserved)), cells: [node.id] },
    ]),
  );
}

function tablesOf(node: NumaNode, reserved: readonly ReservedMemory[]): [string, MemoryTable][] {
  const kept = new Map(reserved.filter(({ numaNode }) => numaNode === node.id).flatMap(({ limits }) => [...readAmounts(limits)]));
  const hugePages = [...node.memory].filter(([type]) => type !== 'memory').reduce((sum, [, size]) => sum + Number(size), 0);
  return [...node.memory].map(([type, size]) => {
    const [total, systemReserved] = [Number(size), Number(kept.get(type) ?? 0n)];
    const allocatable = total - systemReserved - (type === 'memory' ? hugePages : 0);
    if (allocatable < 0)
      throw refused(`NUMA node ${node.id} has ${total} bytes of ${type}, and ${systemReserved} are reserved`, 'reserve less');
    return [type, { total, systemReserved, allocatable, reserved: 0, free: allocatable }];
  });
}

function refused(what: string, hint: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', what, { object: 'reservedMemory', hint });
}
