import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ContainerConfig, type Mount, MountPropagation } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { ShimDirectories } from '../directories.ts';
import type { Images } from '../image/images.ts';
import { resolveInLayers } from './layered-file.ts';
import { mountReadonly, type UserNamespaceOwner, unmountReadonly } from './rootfs.ts';

/** The content of an image as a container's volume. */
export interface ImageVolume {
  /** Unpacked layers, topmost first. */
  layers: string[];
  /** Where it is to be mounted on this host. */
  mounted: string;
  /** What of it the container sees, on this host. */
  source: string;
}

/** The image volumes of a container: each holds its image, under a name that is known from the request alone. */
export class ImageVolumes {
  readonly #images: Images;
  readonly #directories: ShimDirectories;

  constructor(images: Images, directories: ShimDirectories) {
    this.#images = images;
    this.#directories = directories;
  }

  /** Takes hold of the images that `config` asks for; by the index of the mount. NOT_FOUND for an image, or a path of one, that isn't there. */
  async plan(id: string, config: ContainerConfig, object: string): Promise<Map<number, ImageVolume>> {
    const planned = new Map<number, ImageVolume>();
    for (const index of indexes(config)) {
      planned.set(index, await this.#plan(id, index, config.mounts[index] as Mount, object));
    }
    return planned;
  }

  /** Mounts what was planned, read-only; in a user namespace the images' ids are mapped by it, as those of the root file system are. */
  async mount(planned: Map<number, ImageVolume>, signal: AbortSignal, owner?: UserNamespaceOwner): Promise<void> {
    for (const { layers, mounted } of planned.values()) {
      await mkdir(mounted, { recursive: true, mode: 0o755 });
      await mountReadonly(layers, mounted, signal, owner);
    }
  }

  /** Unmounts them and lets go of their images, whatever was done of it. */
  async remove(id: string, config: ContainerConfig, signal: AbortSignal): Promise<void> {
    for (const index of indexes(config)) {
      await unmountReadonly(this.#place(id, index), signal);
      await this.#images.release(user(id, index));
    }
  }

  async #plan(id: string, index: number, mount: Mount, object: string): Promise<ImageVolume> {
    const { image, imageSubPath, containerPath } = mount;
    check(mount, object);
    const { layers } = await this.#images.use(image?.image ?? '', user(id, index));
    const mounted = this.#place(id, index);
    const inside = imageSubPath === '' ? '' : resolveInLayers(layers, imageSubPath);
    if (inside !== undefined) return { layers, mounted, source: join(mounted, inside) };
    throw new PluginError('NOT_FOUND', `image ${image?.image} has no ${imageSubPath}, which is to be mounted at ${containerPath}`, {
      object,
    });
  }

  #place(id: string, index: number): string {
    return join(this.#directories.containers, id, 'volumes', String(index), 'mounted');
  }
}

function check({ hostPath, propagation, imageSubPath, containerPath }: Mount, object: string): void {
  const refuse = (what: string): never => {
    throw new PluginError('INVALID_ARGUMENT', `the image volume at ${containerPath} ${what}`, { object });
  };
  if (hostPath !== '') refuse('has a host_path too');
  if (propagation !== MountPropagation.PROPAGATION_PRIVATE) refuse('can have no propagation: nothing is ever mounted in an image');
  if (imageSubPath.startsWith('/') || imageSubPath.split('/').includes('..')) refuse('has an image_sub_path that leaves it');
}

function indexes({ mounts }: ContainerConfig): number[] {
  return mounts.flatMap(({ image }, index) => (image?.image ? [index] : []));
}

function user(id: string, index: number): string {
  return `${id}-volume-${index}`;
}
