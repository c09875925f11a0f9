import type { Container, Pod } from '@berth/api/objects';
import { readAmounts } from '@berth/api/resource-amounts';
import { qosClassOf } from '../plan/qos-class.ts';
import { specOf } from '../pod.ts';

/** Bytes by resource name. */
export type MemoryRequests = ReadonlyMap<string, number>;

/** Memory and huge pages that a container of a Guaranteed pod requests; empty for other pods. */
export function memoryRequests(pod: Pod, container: Container): MemoryRequests {
  if (qosClassOf(pod) !== 'Guaranteed') return new Map();
  const amounts = readAmounts({ ...container.resources?.limits, ...container.resources?.requests });
  return new Map([...amounts].filter(([name, amount]) => isMemory(name) && amount > 0n).map(([name, amount]) => [name, Number(amount)]));
}

/** What the pod needs at one time: an init container ends before the next one begins, a sidecar goes on. */
export function podMemoryRequests(pod: Pod): MemoryRequests {
  const { initContainers = [], containers } = specOf(pod);
  const [sidecars, most] = [new Map<string, number>(), new Map<string, number>()];
  for (const container of initContainers) {
    const requests = memoryRequests(pod, container);
    if (container.restartPolicy === 'Always') add(sidecars, requests);
    else for (const [name, size] of requests) raise(most, name, size + (sidecars.get(name) ?? 0));
  }
  const running = new Map(sidecars);
  for (const container of containers) add(running, memoryRequests(pod, container));
  for (const [name, size] of running) raise(most, name, size);
  return most;
}

export function isMemory(resource: string): boolean {
  return resource === 'memory' || resource.startsWith('hugepages-');
}

function add(total: Map<string, number>, requests: MemoryRequests): void {
  for (const [name, size] of requests) total.set(name, (total.get(name) ?? 0) + size);
}

function raise(most: Map<string, number>, name: string, size: number): void {
  most.set(name, Math.max(most.get(name) ?? 0, size));
}
