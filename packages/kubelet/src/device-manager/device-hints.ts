import type { TopologyHint } from '../topology-manager/hint-provider.ts';
import { countNodes, masksOf, type NumaMask } from '../topology-manager/numa-mask.ts';
import type { DeviceSet } from './device-set.ts';

interface HintRequest {
  count: number;
  /** Healthy, and nobody's. */
  available: readonly string[];
  /** Those that the container has, or that it may have again: they are to be among those chosen. */
  reusable: readonly string[];
}

/**
 * Every set of NUMA nodes that has the devices; preferred are those of the least size that would have them, were all free. Undefined: no device is near
 * to anything. None: there aren't as many (kubernetes:pkg/kubelet/cm/devicemanager/topology_hints.go).
 */
export function deviceHints(
  devices: DeviceSet,
  numaNodes: readonly number[],
  { count, available, reusable }: HintRequest,
): TopologyHint[] | undefined {
  const isNear = (id: string, mask: NumaMask) => ((devices.get(id)?.nodes ?? 0) & mask) !== 0;
  if (![...devices.values()].some(({ nodes }) => nodes !== 0)) return undefined;
  if (new Set([...available, ...reusable]).size < count) return [];
  const masks = masksOf(numaNodes);
  const all = [...devices.keys()];
  const near = (ids: readonly string[], mask: NumaMask) => ids.filter((id) => isNear(id, mask)).length;
  const least = Math.min(numaNodes.length, ...masks.filter((mask) => near(all, mask) >= count).map(countNodes));
  const placed = reusable.filter((id) => (devices.get(id)?.nodes ?? 0) !== 0);
  const free = available.filter((id) => !reusable.includes(id));
  return masks
    .filter((mask) => placed.every((id) => isNear(id, mask)) && placed.length + near(free, mask) >= count)
    .map((mask) => ({ affinity: mask, preferred: countNodes(mask) === least }));
}
