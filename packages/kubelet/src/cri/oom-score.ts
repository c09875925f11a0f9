import type { Container, Pod } from '@berth/api/objects';
import { readAmounts } from '@berth/api/resource-amounts';
import { isNodeCriticalPod } from '../admission/critical-pod.ts';
import { qosClassOf } from '../plan/qos-class.ts';
import { resourceContainers, sidecarsOf, specOf } from '../pod.ts';

const guaranteedScore = -997;
const bestEffortScore = 1000;
const [leastBurstable, mostBurstable] = [1000 + guaranteedScore, bestEffortScore - 1];

/**
 * How readily the kernel ends the container when memory runs out (qos/policy.go): the less it requests of the node's memory, the more
 * readily. What a pod requests beyond its containers counts for each in equal parts. A sidecar is ended no sooner than the first of the
 * containers that it serves.
 */
export function oomScoreAdj(pod: Pod, container: Container, nodeMemory: bigint): number {
  const qosClass = qosClassOf(pod);
  if (isNodeCriticalPod(pod) || qosClass === 'Guaranteed') return guaranteedScore;
  if (qosClass === 'BestEffort') return bestEffortScore;
  const score = (requested: bigint) => 1000 - Number((1000n * (requested + spareRequest(pod))) / (nodeMemory || 1n));
  const own = score(memoryRequest(container));
  const regular = specOf(pod).containers.map(memoryRequest);
  const [least = 0n] = regular.sort((a, b) => Number(a - b));
  const chosen = sidecarsOf(pod).includes(container) ? Math.min(own, score(least)) : own;
  return Math.min(Math.max(chosen, leastBurstable), mostBurstable);
}

/** Each container's part of what the pod as a whole requests beyond them. */
function spareRequest(pod: Pod): bigint {
  const whole = readAmounts(specOf(pod).resources?.requests).get('memory');
  if (whole === undefined) return 0n;
  const containers = resourceContainers(pod);
  const spare = whole - containers.reduce((sum, container) => sum + memoryRequest(container), 0n);
  return spare > 0n ? spare / BigInt(containers.length || 1) : 0n;
}

function memoryRequest({ resources }: Container): bigint {
  return readAmounts(resources?.requests).get('memory') ?? 0n;
}
