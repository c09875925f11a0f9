import type { Container, Pod } from '@berth/api/objects';
import { readAmounts } from '@berth/api/resource-amounts';
import type { LinuxContainerResources } from '@berth/sdk/cri';
import { isCriticalPod } from '../admission/critical-pod.ts';
import { qosClassOf } from '../plan/qos-class.ts';
import type { ContainerResourcesOptions } from './container-resources-options.ts';

type SwapLimit = Partial<Pick<LinuxContainerResources, 'memorySwapLimitInBytes' | 'unified'>>;

/** How much a container may swap (kubelet's swap configuration); nothing where the host can't limit that. `memoryLimit` in bytes, 0 for none. */
export function swapLimit(pod: Pod, container: Container, memoryLimit: bigint, options: ContainerResourcesOptions): SwapLimit {
  if (!options.swapLimits) return {};
  if (!options.unifiedCgroups) return { memorySwapLimitInBytes: memoryLimit };
  return { unified: { 'memory.swap.max': String(allowedSwap(pod, container, options)) } };
}

/** Bytes: as great a part of the swap as the request is of the memory. */
function allowedSwap(pod: Pod, { resources }: Container, { swapBehavior, swap, memory }: ContainerResourcesOptions): bigint {
  const request = readAmounts(resources?.requests).get('memory') ?? 0n;
  const limit = readAmounts(resources?.limits).get('memory') ?? 0n;
  const swaps = swapBehavior === 'LimitedSwap' && qosClassOf(pod) === 'Burstable' && !isCriticalPod(pod);
  return swaps && request > 0n && request !== limit ? (request * swap) / (memory || 1n) : 0n;
}
