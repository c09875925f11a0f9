import { matchesNodeLabels, matchesNodeSelector } from '@berth/api/node-selector';
import type { Node } from '@berth/api/objects';
import { specOf } from '../pod.ts';
import type { AdmitHandler } from './admit-handler.ts';

/** The rule NodeAffinity: the node has the labels that the pod's nodeSelector and its required node affinity ask for. */
export function nodeAffinityHandler(node: () => Node): AdmitHandler {
  return {
    admit({ pod }) {
      const { nodeSelector, affinity } = specOf(pod);
      const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
      if (matchesNodeLabels(node(), nodeSelector) && (!required || matchesNodeSelector(node(), required))) return undefined;
      return { reason: 'NodeAffinity', message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector" };
    },
  };
}
