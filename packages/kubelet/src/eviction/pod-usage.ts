import type { Pod } from '@berth/api/objects';
import { podRequests } from '@berth/api/resource-amounts';
import { specOf } from '../pod.ts';
import type { FsStats, PodStats } from '../stats/summary.ts';
import type { ShortResource } from './signals.ts';

/** What of a pod's disk lies on the file system that is short. */
export type DiskPart = 'root' | 'logs' | 'volumes';

export const wholeDisk: readonly DiskPart[] = ['root', 'logs', 'volumes'];

/** What a pod uses of a resource, in bytes, inodes or processes. */
export function usageOf(pod: Pod, stats: PodStats, resource: ShortResource, parts: readonly DiskPart[] = wholeDisk): bigint {
  switch (resource) {
    case 'memory':
      return whole(stats.memory?.workingSetBytes);
    case 'pids':
      return whole(stats.process_stats?.process_count);
    case 'ephemeral-storage':
      return diskUsage(pod, stats, parts, 'usedBytes');
    case 'inodes':
      return diskUsage(pod, stats, parts, 'inodesUsed');
  }
}

/** What the pod's containers request of it together; nobody requests inodes or processes. */
export function requestOf(pod: Pod, resource: ShortResource): bigint {
  return podRequests(pod).get(resource) ?? 0n;
}

function diskUsage(pod: Pod, { containers, volume = [] }: PodStats, parts: readonly DiskPart[], of: 'usedBytes' | 'inodesUsed'): bigint {
  const local = new Set((specOf(pod).volumes ?? []).filter(isLocal).map(({ name }) => name));
  const counted: (FsStats | undefined)[] = [
    ...(parts.includes('root') ? containers.map(({ rootfs }) => rootfs) : []),
    ...(parts.includes('logs') ? containers.map(({ logs }) => logs) : []),
    ...(parts.includes('volumes') ? volume.filter(({ name }) => local.has(name)) : []),
  ];
  return counted.reduce((sum, each) => sum + whole(each?.[of]), 0n);
}

/** Volumes that are directories of the node's disk. */
function isLocal({ emptyDir, hostPath, configMap, secret, downwardAPI, projected }: NonNullable<ReturnType<typeof specOf>['volumes']>[0]) {
  return Boolean((emptyDir && emptyDir.medium !== 'Memory') || hostPath || configMap || secret || downwardAPI || projected);
}

/** Figures are whole numbers, and none is as good as zero. */
export function whole(figure: number | undefined): bigint {
  return BigInt(Math.round(figure ?? 0));
}
