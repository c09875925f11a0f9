import type { Node } from '@berth/api/objects';
import { untoleratedTaints } from '@berth/api/tolerations';
import { isStaticPod, specOf } from '../pod.ts';
import type { AdmitHandler } from './admit-handler.ts';

/** The rule TaintToleration: the pod tolerates what ends pods on the node (NoExecute). Static pods are the node's own. */
export function taintTolerationHandler(node: () => Node): AdmitHandler {
  return {
    admit({ pod }) {
      if (isStaticPod(pod) || untoleratedTaints(node().spec?.taints, specOf(pod).tolerations, ['NoExecute']).length === 0) return undefined;
      return { reason: 'TaintToleration', message: "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate" };
    },
  };
}
