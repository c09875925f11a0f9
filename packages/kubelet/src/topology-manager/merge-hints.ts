import type { ResourceHints, TopologyHint } from './hint-provider.ts';
import { countNodes, type NumaMask, nodesOf } from './numa-mask.ts';

/** Which of two sets of the same size is better: negative for the first one. */
export type CompareMasks = (one: NumaMask, other: NumaMask) => number;

/** The hints of all resources of all providers, one list each. What has no preference can be anywhere; what can't be had is nowhere preferred. */
export function hintLists(provided: readonly ResourceHints[]): TopologyHint[][] {
  return provided.flatMap((hints) => {
    if (hints.size === 0) return [[{ affinity: undefined, preferred: true }]];
    return [...hints.values()].map((list) => {
      if (list === undefined) return [{ affinity: undefined, preferred: true }];
      return list.length === 0 ? [{ affinity: undefined, preferred: false }] : list;
    });
  });
}

/**
 * The best of all ways to take a hint from each list (kubelet, cm/topologymanager/policy.go): their NUMA nodes in common, preferred if all
 * are preferred and name the same nodes. Where no way has a node in common: all nodes, not preferred.
 */
export function mergeHints(lists: TopologyHint[][], allNodes: NumaMask, compare: CompareMasks): TopologyHint {
  const merged = lists.reduce<Merged[]>(joinEach, [{ mask: allNodes, first: undefined, preferred: true }]).filter(({ mask }) => mask !== 0);
  const wanted = greatestNeed(lists);
  const [best] = merged.toSorted((a, b) => {
    if (a.preferred !== b.preferred) return a.preferred ? -1 : 1;
    const bySize = a.preferred ? countNodes(a.mask) - countNodes(b.mask) : distanceFrom(wanted, a.mask) - distanceFrom(wanted, b.mask);
    return bySize || compare(a.mask, b.mask);
  });
  return best ? { affinity: best.mask, preferred: best.preferred } : { affinity: allNodes, preferred: false };
}

/** Lower numbers are better. */
export const lowestNodes: CompareMasks = (one, other) => one - other;

/** Nodes that are near to each other are better; `distance` is that from one node to another. */
export function closestNodes(distance: (from: number, to: number) => number): CompareMasks {
  const average = (mask: NumaMask) => {
    const nodes = nodesOf(mask);
    const sum = nodes.reduce((total, from) => total + nodes.reduce((row, to) => row + distance(from, to), 0), 0);
    return sum / nodes.length ** 2;
  };
  return (one, other) => average(one) - average(other) || one - other;
}

interface Merged {
  mask: NumaMask;
  /** The affinity of the first hint that has one. */
  first: NumaMask | undefined;
  preferred: boolean;
}

/** Ways that come to the same are followed once, so that the number of lists makes no explosion. */
function joinEach(ways: Merged[], list: TopologyHint[]): Merged[] {
  const joined = new Map<string, Merged>();
  for (const way of ways) {
    for (const hint of list) {
      const next = join(way, hint);
      joined.set(`${next.mask} ${next.preferred ? (next.first ?? 'any') : 'no'}`, next);
    }
  }
  return [...joined.values()];
}

function join({ mask, first, preferred }: Merged, hint: TopologyHint): Merged {
  if (hint.affinity === undefined) return { mask, first, preferred: preferred && hint.preferred };
  const same = first === undefined || first === hint.affinity;
  return { mask: mask & hint.affinity, first: first ?? hint.affinity, preferred: preferred && hint.preferred && same };
}

/** How many NUMA nodes the resource that needs most of them needs at least. */
function greatestNeed(lists: TopologyHint[][]): number {
  const least = lists.map((list) => Math.min(...list.flatMap(({ affinity }) => (affinity ? [countNodes(affinity)] : []))));
  return Math.max(0, ...least.filter(Number.isFinite));
}

/** Without a preferred way: as many nodes as are needed, else the most below that, else the fewest above. */
function distanceFrom(wanted: number, mask: NumaMask): number {
  const count = countNodes(mask);
  return count <= wanted ? wanted - count : count;
}
