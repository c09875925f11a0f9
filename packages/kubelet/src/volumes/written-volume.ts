import { chmod, mkdir, stat } from 'node:fs/promises';
import type { Pod, Volume } from '@berth/api/objects';
import { specOf } from '../pod.ts';
import type { PodDirectories } from '../pod-directories.ts';
import { type Payload, writeAtomically } from './atomic-writer.ts';
import { mayMount, mountMemory } from './memory-mount.ts';
import { giveToGroup } from './volume-ownership.ts';
import type { VolumePlugin } from './volume-plugin.ts';

interface WrittenVolumeOptions {
  directory: string;
  /** What it holds never touches a disk, where this process may mount. */
  inMemory: boolean;
  handles(volume: Volume): boolean;
  /** The files as they should be now. */
  payload(pod: Pod, volume: Volume, signal: AbortSignal): Promise<Payload>;
}

/** The top of such a volume is as that of an emptyDir, which kubelet makes it from. */
const openToAll = 0o777;

/** A volume whose files the kubelet writes, and brings up to date while containers read them. */
export class WrittenVolume implements VolumePlugin {
  readonly readOnly = true;
  readonly refreshed = true;
  readonly #directories: PodDirectories;
  readonly #options: WrittenVolumeOptions;

  constructor(directories: PodDirectories, options: WrittenVolumeOptions) {
    this.#directories = directories;
    this.#options = options;
  }

  get directory(): string {
    return this.#options.directory;
  }

  handles(volume: Volume): boolean {
    return this.#options.handles(volume);
  }

  path(pod: Pod, volume: Volume): string {
    return this.#directories.volume(pod, this.directory, volume.name);
  }

  /** What is to be in it is found out first: a volume that can't be filled isn't made, and one that was filled stays. */
  async setUp(pod: Pod, volume: Volume, signal: AbortSignal): Promise<void> {
    const payload = await this.#options.payload(pod, volume, signal);
    const path = this.path(pod, volume);
    const fsGroup = specOf(pod).securityContext?.fsGroup;
    await mkdir(path, { recursive: true, mode: 0o750 });
    if (this.#options.inMemory && mayMount) await mountMemory(path, undefined);
    if (((await stat(path)).mode & openToAll) !== openToAll) await chmod(path, openToAll);
    await writeAtomically(path, payload, { finish: (directory) => giveToGroup(directory, fsGroup, this) });
    await giveToGroup(path, fsGroup, { readOnly: this.readOnly, policy: 'OnRootMismatch' });
  }
}
