import type { Pod } from '@berth/api/objects';
import type { ResourceAmounts } from '@berth/api/resource-amounts';
import { insufficientResources, requestsOf } from '../admission/insufficient-resources.ts';
import type { ResizeRefusal } from '../plan/observed-pod.ts';
import { qosClassOf } from '../plan/qos-class.ts';
import { uidOf } from '../pod.ts';

/**
 * Whether a running pod may have what it asks for by now (kubelet's allocation manager): never if that is more than the node has at all,
 * or would make it a pod of another class; not yet if others have it. `running` are the pods with what they have been given, the asking one
 * among them.
 */
export function admitResize(pod: Pod, running: readonly Pod[], allocatable: ResourceAmounts): ResizeRefusal | undefined {
  const given = running.find((other) => uidOf(other) === uidOf(pod));
  if (given && qosClassOf(given) !== qosClassOf(pod)) {
    return {
      reason: 'Infeasible',
      message: `Pod QOS Class may not change as a result of resizing (${qosClassOf(given)} to ${qosClassOf(pod)})`,
    };
  }
  const never = ['memory', 'cpu'].find((name) => (requestsOf(pod).get(name) ?? 0n) > (allocatable.get(name) ?? 0n));
  if (never !== undefined) {
    const figures = `${never}, requested: ${requestsOf(pod).get(never)}, capacity: ${allocatable.get(never) ?? 0n}`;
    return { reason: 'Infeasible', message: `Node didn't have enough capacity: ${figures}` };
  }
  const others = running.filter((other) => uidOf(other) !== uidOf(pod));
  const [missing] = insufficientResources(pod, others, allocatable);
  if (!missing) return undefined;
  const { resource, requested, used, capacity } = missing;
  const message = `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  return { reason: 'Deferred', message };
}
