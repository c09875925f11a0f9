import { matchesNodeLabels, matchesNodeSelector } from '@berth/api/node-selector';
import type { Node, Pod } from '@berth/api/objects';
import { specOf } from '../pod.ts';
import type { AdmitHandler } from './admit-handler.ts';
import { missingLabels } from './missing-labels.ts';

/** The rule NodeAffinity: the node has the labels that the pod's nodeSelector and its required node affinity ask for. */
export function nodeAffinityHandler(node: () => Node): AdmitHandler {
  return {
    admit({ pod }) {
      const { nodeSelector, affinity } = specOf(pod);
      const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
      if (matchesNodeLabels(node(), nodeSelector) && (!required || matchesNodeSelector(node(), required))) return undefined;
      const message = "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector";
      return { reason: 'NodeAffinity', message: `${message}${whatIsMissing(node(), pod)}` };
    },
  };
}

/** Which labels, and how a node is given them; empty where none is to blame. */
function whatIsMissing(node: Node, pod: Pod): string {
  const { asked, nodeLabels } = missingLabels(node, pod);
  if (asked.length === 0) return '';
  const given = nodeLabels.length > 0 ? `, which --node-labels ${nodeLabels.join(',')} gives it` : '';
  return `: the node's labels don't have ${asked.join(', ')}${given}`;
}
