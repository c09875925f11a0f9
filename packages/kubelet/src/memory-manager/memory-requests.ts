import type { Container, Pod } from '@berth/api/objects';
import { readAmounts } from '@berth/api/resource-amounts';
import { qosClassOf } from '../plan/qos-class.ts';
import { mostOfEachAtOnce } from '../pod-demand.ts';

/** Bytes by resource name. */
export type MemoryRequests = ReadonlyMap<string, number>;

/** Memory and huge pages that a container of a Guaranteed pod requests; empty for other pods. */
export function memoryRequests(pod: Pod, container: Container): MemoryRequests {
  if (qosClassOf(pod) !== 'Guaranteed') return new Map();
  const amounts = readAmounts({ ...container.resources?.limits, ...container.resources?.requests });
  return new Map([...amounts].filter(([name, amount]) => isMemory(name) && amount > 0n).map(([name, amount]) => [name, Number(amount)]));
}

/** What the pod needs at one time. */
export function podMemoryRequests(pod: Pod): MemoryRequests {
  return mostOfEachAtOnce(pod, (container) => memoryRequests(pod, container));
}

export function isMemory(resource: string): boolean {
  return resource === 'memory' || resource.startsWith('hugepages-');
}
