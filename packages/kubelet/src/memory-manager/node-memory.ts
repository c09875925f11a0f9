import type { MemoryBlock, NodeState } from './memory-state.ts';

/** The state of each NUMA node's memory, by its id. */
export type NodeMemory = Map<number, NodeState>;

/** Takes `size` bytes for a block, from its first node as far as that goes, then from the next; all its nodes become one group. */
export function reserveBlock(nodes: NodeMemory, { numaAffinity, type }: MemoryBlock, size: number): void {
  let missing = size;
  for (const [node, table] of tables(nodes, numaAffinity, type)) {
    node.numberOfAssignments++;
    node.cells = numaAffinity;
    const part = Math.min(table.free, missing);
    table.reserved += part;
    table.free -= part;
    missing -= part;
  }
}

/** Gives a block back; a node without blocks is in no group any more. */
export function releaseBlock(nodes: NodeMemory, { numaAffinity, type, size }: MemoryBlock): void {
  let left = size;
  for (const [node, table, id] of tables(nodes, numaAffinity, type)) {
    node.numberOfAssignments--;
    if (node.numberOfAssignments === 0) node.cells = [id];
    const part = Math.min(table.reserved, left);
    table.reserved -= part;
    table.free += part;
    left -= part;
  }
}

/** What the nodes together have of a resource. */
export function sumOf(nodes: NodeMemory, ids: readonly number[], type: string, column: 'free' | 'allocatable'): number {
  return tables(nodes, ids, type).reduce((sum, [, table]) => sum + table[column], 0);
}

function tables(nodes: NodeMemory, ids: readonly number[], type: string) {
  return ids.flatMap((id) => {
    const node = nodes.get(id);
    const table = node?.memoryMap[type];
    return node && table ? [[node, table, id] as const] : [];
  });
}
