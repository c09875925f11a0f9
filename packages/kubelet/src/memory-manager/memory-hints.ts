import type { TopologyHint } from '../topology-manager/hint-provider.ts';
import { countNodes, masksOf, type NumaMask, nodesOf } from '../topology-manager/numa-mask.ts';
import type { MemoryRequests } from './memory-requests.ts';
import { type NodeMemory, sumOf } from './node-memory.ts';

/** Bytes of a resource that the pod has on exactly these nodes and may have again. */
type Reusable = (mask: NumaMask, resource: string) => number;

/**
 * Every set of NUMA nodes that the memory could come from. A node is handed out either alone or in one group of nodes, never both: else
 * what a container has on several nodes would take from one that has promised all of its memory.
 */
export function memoryHints(nodes: NodeMemory, requests: MemoryRequests, reusable: Reusable): TopologyHint[] {
  const all = masksOf([...nodes.keys()]);
  const enough = (mask: NumaMask, of: (ids: number[], resource: string) => number) =>
    [...requests].every(([resource, size]) => of(nodesOf(mask), resource) >= size);
  const large = all.filter((mask) => enough(mask, (ids, resource) => sumOf(nodes, ids, resource, 'allocatable')));
  const least = Math.min(nodes.size, ...large.map(countNodes));
  return large
    .filter((mask) => !breaksGroup(nodes, mask))
    .filter((mask) => enough(mask, (ids, resource) => sumOf(nodes, ids, resource, 'free') + reusable(mask, resource)))
    .map((mask) => ({ affinity: mask, preferred: countNodes(mask) === least }));
}

/** The best set for who has no affinity, or for whom the affinity isn't enough: it holds all nodes of `within`. */
export function bestHint(hints: TopologyHint[], within: NumaMask = 0): TopologyHint | undefined {
  const [best] = hints
    .filter(({ affinity = 0 }) => (affinity & within) === within)
    .toSorted(
      (a, b) =>
        Number(b.preferred) - Number(a.preferred) ||
        countNodes(a.affinity ?? 0) - countNodes(b.affinity ?? 0) ||
        (a.affinity ?? 0) - (b.affinity ?? 0),
    );
  return best;
}

/** Whether these nodes would be handed out otherwise than they are already. */
export function breaksGroup(nodes: NodeMemory, mask: NumaMask): boolean {
  const ids = nodesOf(mask);
  return ids.some((id) => {
    const { cells = [], numberOfAssignments = 0 } = nodes.get(id) ?? {};
    return numberOfAssignments > 0 && !(cells.length === ids.length && cells.every((cell) => ids.includes(cell)));
  });
}
