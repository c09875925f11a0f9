import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod, Volume } from '@berth/api/objects';
import type { DiskSpace } from '@berth/sdk/disk-space';
import { namespaceOf, specOf } from '../pod.ts';
import type { PodDirectories } from '../pod-directories.ts';
import type { DiskUsage } from './disk-usage.ts';
import type { FileSystems } from './file-system.ts';
import type { FsStats, VolumeStats } from './summary.ts';

/** What a pod has on the node's disk. */
export class PodStorage {
  readonly #directories: PodDirectories;
  readonly #usage: DiskUsage;
  readonly #fileSystems: FileSystems;

  constructor(directories: PodDirectories, usage: DiskUsage, fileSystems: FileSystems) {
    this.#directories = directories;
    this.#usage = usage;
    this.#fileSystems = fileSystems;
  }

  /** A container's log with those that were rotated; undefined where there is none. `now` is the time told. */
  async logs(pod: Pod, container: string, now: Date): Promise<FsStats | undefined> {
    return this.#counted(join(this.#directories.logDirectory(pod), container), now);
  }

  /** The pod's volumes below its directory. CSI volumes are file systems of their own; all others are counted. */
  async volumes(pod: Pod, now: Date): Promise<VolumeStats[]> {
    const root = join(this.#directories.podDirectory(pod), 'volumes');
    const found: VolumeStats[] = [];
    for (const plugin of await readdir(root).catch((): string[] => [])) {
      for (const name of await readdir(join(root, plugin)).catch((): string[] => [])) {
        const path = join(root, plugin, name);
        const stats = plugin.endsWith('~csi') ? await this.#fileSystems.of(join(path, 'mount'), now) : await this.#counted(path, now);
        if (stats) found.push({ ...stats, name, ...claim(pod, name) });
      }
    }
    return found.toSorted((a, b) => a.name.localeCompare(b.name));
  }

  /** What counts against a pod's ephemeral storage: writable layers, logs, and volumes that are directories of the node's disk. */
  async ephemeral(pod: Pod, volumes: VolumeStats[], parts: (FsStats | undefined)[], now: Date): Promise<FsStats | undefined> {
    const disk = await this.#fileSystems.of(this.#directories.kubeletRoot, now);
    const local = volumes.filter(({ name }) => isLocal(specOf(pod).volumes?.find((volume) => volume.name === name)));
    const hosts = await this.#usage.below(join(this.#directories.podDirectory(pod), 'etc-hosts'));
    const all = [...parts, ...local, hosts && used(hosts)];
    return disk && { ...disk, usedBytes: total(all, 'usedBytes'), inodesUsed: total(all, 'inodesUsed') };
  }

  async #counted(path: string, now: Date): Promise<FsStats | undefined> {
    const [disk, space] = await Promise.all([this.#fileSystems.of(path, now), this.#usage.below(path)]);
    return disk && space && { ...disk, ...used(space) };
  }
}

function used({ bytes, inodes }: DiskSpace): { usedBytes: number; inodesUsed: number } {
  return { usedBytes: bytes, inodesUsed: inodes };
}

function total(stats: (Partial<FsStats> | undefined)[], key: 'usedBytes' | 'inodesUsed'): number {
  return stats.reduce((sum, each) => sum + (each?.[key] ?? 0), 0);
}

/** Those of which kubelet says so (volume/util IsLocalEphemeralVolume). */
function isLocal(volume: Volume | undefined): boolean {
  return (volume?.emptyDir !== undefined && !volume.emptyDir.medium) || volume?.configMap !== undefined;
}

function claim(pod: Pod, name: string): Pick<VolumeStats, 'pvcRef'> {
  const claimed = specOf(pod).volumes?.find((volume) => volume.name === name)?.persistentVolumeClaim?.claimName;
  return claimed === undefined ? {} : { pvcRef: { name: claimed, namespace: namespaceOf(pod) } };
}
