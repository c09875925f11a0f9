import type { ResourceHints, TopologyHint } from './hint-provider.ts';
import { type CompareMasks, hintLists, mergeHints } from './merge-hints.ts';
import { countNodes, type NumaMask } from './numa-mask.ts';

export const topologyManagerPolicies = ['none', 'best-effort', 'restricted', 'single-numa-node'] as const;
export type TopologyManagerPolicy = (typeof topologyManagerPolicies)[number];

/** Where to allocate, and whether the pod may run at all. */
interface Decision {
  hint: TopologyHint;
  admitted: boolean;
}

/** What each policy makes of the providers' hints; `allNodes` are those of the machine. */
export function decide(policy: TopologyManagerPolicy, provided: ResourceHints[], allNodes: NumaMask, compare: CompareMasks): Decision {
  if (policy === 'none') return { hint: { affinity: undefined, preferred: false }, admitted: true };
  const lists = hintLists(provided);
  if (policy === 'single-numa-node') {
    const hint = mergeHints(lists.map(ofOneNode), allNodes, compare);
    const anywhere = hint.affinity === allNodes ? { ...hint, affinity: undefined } : hint;
    return { hint: anywhere, admitted: hint.preferred };
  }
  const hint = mergeHints(lists, allNodes, compare);
  return { hint, admitted: policy === 'best-effort' || hint.preferred };
}

/** The preferred hints that ask for one node at most. */
function ofOneNode(hints: TopologyHint[]): TopologyHint[] {
  return hints.filter(({ affinity, preferred }) => preferred && (affinity === undefined || countNodes(affinity) === 1));
}
