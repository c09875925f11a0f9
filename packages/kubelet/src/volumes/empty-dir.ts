import { chmod, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Pod, Volume } from '@berth/api/objects';
import { Quantity } from '@berth/api/quantity';
import type { ResourceAmounts } from '@berth/api/resource-amounts';
import { PluginError } from '@berth/sdk/errors';
import { allContainers, specOf } from '../pod.ts';
import type { PodDirectories } from '../pod-directories.ts';
import { isMountPoint, mayMount, mountHugePages, mountMemory } from './memory-mount.ts';
import { giveToGroup } from './volume-ownership.ts';
import type { VolumePlugin } from './volume-plugin.ts';

/** Any container of the pod may write, whatever user it runs as. */
const openToAll = 0o777;

/** What a pod's containers share as long as the pod lives: on disk, in memory, or in huge pages. */
export class EmptyDir implements VolumePlugin {
  readonly directory = 'kubernetes.io~empty-dir';
  readonly readOnly = false;
  readonly refreshed = false;
  readonly #directories: PodDirectories;
  readonly #allocatable: () => ResourceAmounts;

  constructor(directories: PodDirectories, allocatable: () => ResourceAmounts) {
    this.#directories = directories;
    this.#allocatable = allocatable;
  }

  handles(volume: Volume): boolean {
    return volume.emptyDir !== undefined;
  }

  path(pod: Pod, volume: Volume): string {
    return this.#directories.volume(pod, this.directory, volume.name);
  }

  /** What its containers have done to it stays: it is made once, and again only if the host was started anew and its memory is gone. */
  async setUp(pod: Pod, volume: Volume): Promise<void> {
    const path = this.path(pod, volume);
    const ready = join(this.#directories.podDirectory(pod), 'plugins', this.directory, volume.name, 'ready');
    const medium = volume.emptyDir?.medium ?? '';
    if ((await isThere(ready)) && (await isThere(path)) && (medium === '' || (await isMountPoint(path)))) return;
    await rm(ready, { force: true });
    await mkdir(path, { recursive: true, mode: 0o750 });
    if (medium !== '') await this.#mount(path, pod, volume, medium);
    await chmod(path, openToAll);
    await giveToGroup(path, specOf(pod).securityContext?.fsGroup);
    await mkdir(dirname(ready), { recursive: true, mode: 0o750 });
    await writeFile(ready, '');
  }

  async #mount(path: string, pod: Pod, volume: Volume, medium: string): Promise<void> {
    if (!mayMount) {
      throw new PluginError('PERMISSION_DENIED', 'an emptyDir in memory needs root', {
        object: `volume ${volume.name}`,
        hint: 'leave out its medium, or run the node as root',
      });
    }
    if (medium === 'Memory') return mountMemory(path, memorySize(pod, volume, this.#allocatable()));
    await mountHugePages(path, hugePageSize(pod, volume, medium));
  }
}

/** The least of its sizeLimit, what the pod's containers may use together, and what the node has for pods, in bytes. */
export function memorySize(pod: Pod, volume: Volume, allocatable: ResourceAmounts): bigint | undefined {
  const limits = specOf(pod).containers.map(({ resources }) => resources?.limits?.memory);
  const ofPod = specOf(pod).resources?.limits?.memory ?? (limits.every((limit) => limit !== undefined) ? sum(limits) : undefined);
  const sizes = [allocatable.get('memory'), ...[volume.emptyDir?.sizeLimit, ofPod].map(bytesOf)].filter(
    (size) => size !== undefined && size > 0n,
  );
  return sizes.reduce<bigint | undefined>((least, size) => (least === undefined || (size ?? 0n) < least ? size : least), undefined);
}

type Amount = string | number | undefined;

function bytesOf(amount: Amount): bigint | undefined {
  return amount === undefined ? undefined : Quantity.parse(amount).value();
}

function sum(amounts: readonly Amount[]): string {
  return String(amounts.reduce<bigint>((total, amount) => total + (bytesOf(amount) ?? 0n), 0n));
}

/** The page size that the medium names (`HugePages-2Mi`), or the only one that the containers use, as hugetlbfs writes it: `2M`. */
function hugePageSize(pod: Pod, volume: Volume, medium: string): string {
  const named = /^HugePages-(.+)$/.exec(medium)?.[1];
  const used = allContainers(pod).flatMap(({ resources }) => Object.keys({ ...resources?.requests, ...resources?.limits }));
  const sizes = new Set(used.flatMap((name) => /^hugepages-(.+)$/.exec(name)?.[1] ?? []));
  const [only, ...others] = named ? [named] : sizes;
  const object = `volume ${volume.name}`;
  if (only === undefined) throw new PluginError('FAILED_PRECONDITION', "the pod's containers ask for no huge pages", { object });
  if (others.length > 0 || (named && !sizes.has(named))) {
    throw new PluginError(
      'FAILED_PRECONDITION',
      `medium ${medium}: the pod's containers use huge pages of ${[...sizes].join(', ') || 'no size'}`,
      {
        object,
        hint: 'name the size in the medium, as in HugePages-2Mi, and ask for it in a container',
      },
    );
  }
  return `${Quantity.parse(only).value() / 1024n}K`;
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
