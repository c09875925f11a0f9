import type { Pod } from '@berth/api/objects';
import type { Refusal } from '../plan/observed-pod.ts';
import { isStaticPod, specOf } from '../pod.ts';

/**
 * What to tell of a static pod that names a class whose priority the node can't know; undefined: it names none. The pod runs all the same, as with
 * kubelet, which resolves no class at all (kubelet/config/common.go: getStaticPodPriorityWarning).
 */
export function unknownPriorityClass(pod: Pod): Pick<Refusal, 'reason' | 'message'> | undefined {
  const { priorityClassName: name, priority } = specOf(pod);
  if (!isStaticPod(pod) || !name || priority !== undefined) return undefined;
  return {
    reason: 'PriorityClassNotFound',
    message: `spec.priorityClassName: no PriorityClass with name ${name} is known to the node, and the pod runs without a priority; name system-node-critical or system-cluster-critical, or give spec.priority`,
  };
}
