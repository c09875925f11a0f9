import type { Pod } from '@berth/api/objects';
import type { KubeletOptions } from '../kubelet-options.ts';
import type { NodeResources } from '../machine/node-resources.ts';
import { defaultCgroups } from './cgroup-options.ts';
import { NodeCgroups } from './node-cgroups.ts';

/** The cgroups of a node's pods, bounded by what the node has; undefined for a node without. */
export function cgroupsOfNode(
  { cgroupRoot, cgroups }: Pick<KubeletOptions, 'cgroupRoot' | 'cgroups'>,
  resources: NodeResources,
  pods: () => Pod[],
): NodeCgroups | undefined {
  if (cgroupRoot === undefined) return undefined;
  return new NodeCgroups(
    { ...defaultCgroups, ...cgroups, cgroupRoot },
    {
      pods,
      podLimits: () => resources.podLimits(),
      capacity: () => resources.capacity(),
      allocatable: () => resources.allocatable(),
      reserved: (field) => resources.reserved(field),
    },
  );
}
