import type { ContainerStatus, Pod } from '@berth/api/objects';

/** How a pod's containers stand, those of init containers first. */
export function containerStatuses({ status }: Pod): ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}
