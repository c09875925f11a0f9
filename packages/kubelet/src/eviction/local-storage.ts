import type { Pod } from '@berth/api/objects';
import { Quantity } from '@berth/api/quantity';
import { allContainers, specOf } from '../pod.ts';
import type { PodStats } from '../stats/summary.ts';
import { whole } from './pod-usage.ts';

/** Whether anything of the pod's files is limited, so that it has to be watched. */
export function limitsStorage(pod: Pod): boolean {
  return (specOf(pod).volumes ?? []).some(({ emptyDir }) => emptyDir?.sizeLimit !== undefined) || storageLimits(pod).size > 0;
}

/** Which limit of a pod's files is exceeded; `signal` is kubelet's name for it (eviction_manager.go), for metrics. */
interface StorageExcess {
  signal: 'emptydirfs.limit' | 'ephemeralpodfs.limit' | 'ephemeralcontainerfs.limit';
  message: string;
}

/**
 * Which of its own limits a pod's files exceed, in kubelet's words: an emptyDir its sizeLimit, the pod the limits of its containers together,
 * a container its own. With images on a disk of their own, writable layers aren't on the node's and don't count for a container.
 */
export function storageExcess(pod: Pod, stats: PodStats, dedicatedImageFs: boolean): StorageExcess | undefined {
  return emptyDirExcess(pod, stats) ?? podExcess(pod, stats) ?? containerExcess(pod, stats, dedicatedImageFs);
}

function emptyDirExcess(pod: Pod, { volume = [] }: PodStats): StorageExcess | undefined {
  for (const { name, emptyDir } of specOf(pod).volumes ?? []) {
    if (emptyDir?.sizeLimit === undefined) continue;
    const limit = Quantity.parse(emptyDir.sizeLimit);
    const used = whole(volume.find((each) => each.name === name)?.usedBytes);
    if (limit.nano > 0n && used > limit.value())
      return {
        signal: 'emptydirfs.limit',
        message: `Usage of EmptyDir volume ${quoted(name)} exceeds the limit ${quoted(`${limit}`)}. `,
      };
  }
  return undefined;
}

function podExcess(pod: Pod, stats: PodStats): StorageExcess | undefined {
  const limits = [...storageLimits(pod).values()];
  const total = limits.reduce((sum, limit) => sum.add(limit), Quantity.zero);
  if (limits.length === 0 || whole(stats['ephemeral-storage']?.usedBytes) <= total.value()) return undefined;
  return {
    signal: 'ephemeralpodfs.limit',
    message: `Pod ephemeral local storage usage exceeds the total limit of containers ${total}. `,
  };
}

function containerExcess(pod: Pod, { containers }: PodStats, dedicatedImageFs: boolean): StorageExcess | undefined {
  const limits = storageLimits(pod);
  for (const { name, logs, rootfs } of containers) {
    const limit = limits.get(name);
    const used = whole(logs?.usedBytes) + (dedicatedImageFs ? 0n : whole(rootfs?.usedBytes));
    if (!limit || used <= limit.value()) continue;
    const message = `Container ${name} exceeded its local ephemeral storage limit ${quoted(`${limit}`)}. `;
    return { signal: 'ephemeralcontainerfs.limit', message };
  }
  return undefined;
}

/** By container. */
function storageLimits(pod: Pod): Map<string, Quantity> {
  const limits = allContainers(pod).flatMap(({ name, resources }) => {
    const limit = Quantity.parse(resources?.limits?.['ephemeral-storage'] ?? '0');
    return limit.isZero() ? [] : [[name, limit] as const];
  });
  return new Map(limits);
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
