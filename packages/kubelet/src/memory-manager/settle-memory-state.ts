import { isDeepStrictEqual } from 'node:util';
import { maskOf } from '../topology-manager/numa-mask.ts';
import type { MemoryState, MemoryStateFile } from './memory-state.ts';
import { type NodeMemory, reserveBlock, sumOf } from './node-memory.ts';

/**
 * What the policy Static goes on with: the state of its file, or for a new node `empty`, its memory without any assignment.
 * FAILED_PRECONDITION for a state that isn't what this machine, its reservations and the assignments add up to.
 */
export function settleMemoryState(empty: NodeMemory, file: MemoryStateFile): MemoryState {
  const state = file.load();
  if (!state || state.nodes.size === 0) {
    if (state && state.entries.size > 0) throw file.unusable('it has assignments, and no machine state');
    const fresh: MemoryState = { nodes: empty, entries: new Map() };
    file.save(fresh);
    return fresh;
  }
  for (const containers of state.entries.values()) {
    for (const block of [...containers.values()].flat()) reserveBlock(empty, block, block.size);
  }
  if (!isDeepStrictEqual(checkedPart(empty), checkedPart(state.nodes))) {
    throw file.unusable("its machine state isn't what this machine, the reserved memory and the assignments add up to");
  }
  return state;
}

/** All but which node of a group gave which part of a block: that depends on the order of the past. */
function checkedPart(nodes: NodeMemory) {
  return new Map(
    [...nodes].map(([id, { numberOfAssignments, memoryMap, cells }]) => {
      const tables = Object.entries(memoryMap).map(([type, { total, systemReserved, allocatable }]) => {
        return [type, { total, systemReserved, allocatable, freeInGroup: sumOf(nodes, cells, type, 'free') }];
      });
      return [id, { numberOfAssignments, group: maskOf(cells), tables: Object.fromEntries(tables) as unknown }];
    }),
  );
}
