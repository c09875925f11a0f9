import { matchesNodeLabels, matchesNodeSelectorTerm } from '@berth/api/node-selector';
import type { Node, NodeSelectorRequirement, Pod } from '@berth/api/objects';
import { specOf } from '../pod.ts';

/** What a pod asks of a node's labels, and the label with which the node would have it; without one where it isn't to be had by adding one. */
interface Ask {
  text: string;
  label?: string;
}

/** What keeps a pod's nodeSelector and required node affinity from matching, and `--node-labels` that would mend it; of several terms the first. */
export function missingLabels(node: Node, pod: Pod): { asked: string[]; nodeLabels: string[] } {
  const { nodeSelector = {}, affinity } = specOf(pod);
  const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const isMatched = terms.some((term) => matchesNodeSelectorTerm(node, term));
  const asks = [
    ...Object.entries(nodeSelector)
      .filter(([key, value]) => !matchesNodeLabels(node, { [key]: value }))
      .map(([key, value]): Ask => ({ text: `${key}=${value}`, label: `${key}=${value}` })),
    ...(isMatched ? [] : (terms[0]?.matchExpressions ?? []))
      .filter((requirement) => !matchesNodeSelectorTerm(node, { matchExpressions: [requirement] }))
      .map(askOf),
  ];
  return { asked: asks.map(({ text }) => text), nodeLabels: asks.flatMap(({ label }) => label ?? []) };
}

/** A requirement as kubectl writes selectors. */
function askOf({ key, operator, values = [] }: NodeSelectorRequirement): Ask {
  switch (operator) {
    case 'In':
      return { text: `${key} in (${values.join(',')})`, label: `${key}=${values[0] ?? ''}` };
    case 'NotIn':
      return { text: `${key} notin (${values.join(',')})` };
    case 'Exists':
      return { text: key, label: `${key}=` };
    case 'DoesNotExist':
      return { text: `!${key}` };
    default:
      return { text: `${key} ${operator === 'Gt' ? '>' : '<'} ${values.join(',')}` };
  }
}
