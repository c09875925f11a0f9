import type { Pod, Volume } from '@berth/api/objects';
import type { ResourceAmounts } from '@berth/api/resource-amounts';
import { PluginError } from '@berth/sdk/errors';
import type { StorageOperations } from '../metrics/storage-operations.ts';
import { specOf, uidOf } from '../pod.ts';
import type { PodDirectories } from '../pod-directories.ts';
import type { ObjectSource } from '../sources/object-source.ts';
import type { TokenSource } from '../tokens/token-source.ts';
import { configMapVolume } from './config-map.ts';
import { downwardApiVolume } from './downward-api.ts';
import { EmptyDir } from './empty-dir.ts';
import { HostPath } from './host-path.ts';
import { ImageVolume } from './image.ts';
import { removePodDirectory } from './pod-directory-removal.ts';
import { projectedVolume } from './projected.ts';
import { secretVolume } from './secret.ts';
import type { VolumePlugin } from './volume-plugin.ts';

interface PodVolumesOptions {
  directories: PodDirectories;
  objects: ObjectSource;
  tokens: TokenSource;
  /** What the node has for pods. */
  allocatable(): ResourceAmounts;
  operations: StorageOperations;
}

/** A volume with the plugin that makes it. */
export interface PluggedVolume {
  volume: Volume;
  plugin: VolumePlugin;
}

/** The volumes of pods, each by the plugin of its kind. */
export class PodVolumes {
  readonly #plugins: readonly VolumePlugin[];
  readonly #directories: PodDirectories;
  readonly #operations: StorageOperations;
  /** The plugins' names of the volumes that are made, by the pod's uid and the volume's name. */
  readonly #made = new Map<string, Map<string, string>>();

  constructor({ directories, objects, tokens, allocatable, operations }: PodVolumesOptions) {
    this.#directories = directories;
    this.#operations = operations;
    this.#plugins = [
      new EmptyDir(directories, allocatable),
      new HostPath(),
      configMapVolume(directories, objects),
      secretVolume(directories, objects),
      downwardApiVolume(directories, allocatable),
      projectedVolume(directories, { objects, tokens, allocatable }),
      new ImageVolume(),
    ];
  }

  /** The volumes of a pod in the order of its spec. Throws UNIMPLEMENTED for one of a kind that admission would have refused. */
  of(pod: Pod): PluggedVolume[] {
    return (specOf(pod).volumes ?? []).map((volume) => {
      const plugin = this.#plugins.find((each) => each.handles(volume));
      if (!plugin) throw new PluginError('UNIMPLEMENTED', 'no volume plugin handles it', { object: `volume ${volume.name}` });
      return { volume, plugin };
    });
  }

  find(pod: Pod, name: string): PluggedVolume | undefined {
    return this.of(pod).find(({ volume }) => volume.name === name);
  }

  /** Makes the pod's volumes, side by side; all that fail are tried, and told together in kubelet's words. */
  setUp(pod: Pod, signal: AbortSignal): Promise<void> {
    return this.#setUpAll(pod, this.of(pod), signal);
  }

  /** Brings those up to date that show what may change. */
  refresh(pod: Pod, signal: AbortSignal): Promise<void> {
    return this.#setUpAll(
      pod,
      this.of(pod).filter(({ plugin }) => plugin.refreshed),
      signal,
    );
  }

  /** Removes the pod's volumes with the rest of its directory, once nothing is mounted below it any more. */
  async tearDown(pod: Pod, signal: AbortSignal): Promise<void> {
    const made = [...(this.#made.get(uidOf(pod))?.values() ?? [])];
    await this.#operations.measure('volume_unmount', made, () => removePodDirectory(this.#directories.podDirectory(pod), signal));
    this.#made.delete(uidOf(pod));
  }

  async #setUpAll(pod: Pod, volumes: readonly PluggedVolume[], signal: AbortSignal): Promise<void> {
    const results = await Promise.allSettled(volumes.map((plugged) => this.#setUp(pod, plugged, signal)));
    const problems = results.flatMap((result, index) => (result.status === 'rejected' ? [explained(volumes[index], result.reason)] : []));
    const [first] = problems;
    if (first) throw problems.length === 1 ? first : new PluginError(first.code, problems.map(({ message }) => message).join('; '));
  }

  async #setUp(pod: Pod, { volume, plugin }: PluggedVolume, signal: AbortSignal): Promise<void> {
    const name = plugin.directory.replace('~', '/');
    await this.#operations.measure('volume_mount', [name], () => plugin.setUp(pod, volume, signal));
    const made = this.#made.get(uidOf(pod)) ?? new Map<string, string>();
    this.#made.set(uidOf(pod), made.set(volume.name, name));
  }
}

function explained(plugged: PluggedVolume | undefined, reason: unknown): PluginError {
  const { code, message } = PluginError.from(reason);
  return new PluginError(code, `MountVolume.SetUp failed for volume ${JSON.stringify(plugged?.volume.name)} : ${message}`, {
    cause: reason,
  });
}

/** Whether some volume of the pod shows what may change while it is mounted. */
export function hasRefreshedVolumes(pod: Pod): boolean {
  return (specOf(pod).volumes ?? []).some((volume) => volume.configMap || volume.secret || volume.downwardAPI || volume.projected);
}
