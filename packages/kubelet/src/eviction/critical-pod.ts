import type { Pod } from '@berth/api/objects';
import { specOf } from '../pod.ts';

/** That of the PriorityClass system-cluster-critical. */
const systemCriticalPriority = 2_000_000_000;

/**
 * Whether the node keeps the pod whatever it is short of: by its priority, or in a cluster because it is a static pod, which nobody else
 * could place elsewhere. On a node by itself all pods are static, and none would ever be evicted.
 */
export function isCriticalPod(pod: Pod, inCluster: boolean): boolean {
  const { annotations = {} } = pod.metadata ?? {};
  const source = annotations['kubernetes.io/config.source'] ?? 'api';
  const isStatic = source !== 'api' || annotations['kubernetes.io/config.mirror'] !== undefined;
  return (inCluster && isStatic) || (specOf(pod).priority ?? 0) >= systemCriticalPriority;
}
