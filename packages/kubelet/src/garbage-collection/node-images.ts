import { ImageSpec, ListContainersRequest, ListImagesRequest, RemoveImageRequest, StatusRequest } from '@berth/sdk/cri';
import type { RuntimeClient } from '../runtime/runtime-client.ts';

/** An image that a runtime has, and when anybody needed it last. */
export interface NodeImage {
  client: RuntimeClient;
  id: string;
  /** What people call it. */
  name: string;
  /** Bytes. */
  size: bigint;
  inUse: boolean;
  /** When it was seen first, by this kubelet. */
  detectedAt: Date;
  /** Undefined: no container had it as long as this kubelet has looked. */
  usedAt?: Date;
}

/** The images of all runtimes of the node. A runtime that hasn't been started has none that anybody needs to look at. */
export class NodeImages {
  readonly #clients: readonly RuntimeClient[];
  /** By handler and image. */
  #known = new Map<string, Pick<NodeImage, 'detectedAt' | 'usedAt'>>();

  constructor(clients: readonly RuntimeClient[]) {
    this.#clients = clients;
  }

  /** Looks at all images; those that have to stay (pinned, or the runtime's sandbox image) aren't among them. */
  async detect(now: Date, signal: AbortSignal): Promise<NodeImage[]> {
    const clients = this.#clients.filter(({ onDemand }) => onDemand?.started !== false);
    // Runtimes may share a store: what a container of one has, none may lose.
    const used = new Set((await Promise.all(clients.map((client) => usedImages(client, signal)))).flat());
    const images = (await Promise.all(clients.map((client) => this.#imagesOf(client, used, now, signal)))).flat();
    this.#known = new Map(images.map((image) => [keyOf(image), { detectedAt: image.detectedAt, usedAt: image.usedAt }]));
    return images;
  }

  async remove({ client, id }: NodeImage, signal: AbortSignal): Promise<void> {
    await client.images.removeImage(RemoveImageRequest.create({ image: ImageSpec.create({ image: id }) }), { signal });
  }

  async #imagesOf(client: RuntimeClient, used: ReadonlySet<string>, now: Date, signal: AbortSignal): Promise<NodeImage[]> {
    const [{ images }, sandboxImage] = await Promise.all([
      client.images.listImages(ListImagesRequest.create(), { signal }),
      sandboxImageOf(client, signal),
    ]);
    return images.flatMap(({ id, repoTags, repoDigests, size, pinned }) => {
      const names = [id, ...repoTags, ...repoDigests];
      if (pinned || (sandboxImage !== undefined && names.includes(sandboxImage))) return [];
      const inUse = names.some((name) => used.has(name));
      const { detectedAt = now, usedAt } = this.#known.get(keyOf({ client, id })) ?? {};
      return [{ client, id, name: repoTags[0] ?? repoDigests[0] ?? id, size, inUse, detectedAt, usedAt: inUse ? now : usedAt }];
    });
  }
}

function keyOf({ client, id }: Pick<NodeImage, 'client' | 'id'>): string {
  return `${client.handler} ${id}`;
}

/** Every name by which the runtime's containers know their images, dead ones among them. */
async function usedImages({ runtime }: RuntimeClient, signal: AbortSignal): Promise<string[]> {
  const { containers } = await runtime.listContainers(ListContainersRequest.create(), { signal });
  return containers.flatMap(({ image, imageRef, imageId }) => [image?.image ?? '', imageRef, imageId].filter(Boolean));
}

/** containerd before 1.7 pins no image, and tells which one its sandboxes need only in its verbose status. */
async function sandboxImageOf({ runtime }: RuntimeClient, signal: AbortSignal): Promise<string | undefined> {
  const { info } = await runtime.status(StatusRequest.create({ verbose: true }), { signal });
  try {
    const { sandboxImage } = JSON.parse(info.config ?? '{}') as { sandboxImage?: unknown };
    return typeof sandboxImage === 'string' ? sandboxImage : undefined;
  } catch {
    return undefined;
  }
}
