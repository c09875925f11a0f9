import { ListContainersRequest, StatusRequest } from '@berth/sdk/cri';
import type { RuntimeClient } from '../runtime/runtime-client.ts';

const deadlineMs = 120_000;

/** Ids and names of the images that some container has, dead ones too, and of those that sandboxes are made of. */
export async function imagesInUse(runtimes: readonly RuntimeClient[], signal: AbortSignal): Promise<Set<string>> {
  const used = new Set<string>();
  for (const client of runtimes) {
    const { containers } = await client.runtime.listContainers(ListContainersRequest.create(), { signal, deadlineMs });
    for (const { image, imageRef, imageId } of containers) for (const name of [image?.image, imageRef, imageId]) if (name) used.add(name);
    const sandboxImage = await sandboxImageOf(client, signal);
    if (sandboxImage) used.add(sandboxImage);
  }
  return used;
}

/** containerd before 1.7 doesn't pin the image of its sandboxes, and tells of it only in its configuration. */
async function sandboxImageOf({ runtime }: RuntimeClient, signal: AbortSignal): Promise<string | undefined> {
  const { info } = await runtime.status(StatusRequest.create({ verbose: true }), { signal, deadlineMs });
  try {
    const { sandboxImage } = JSON.parse(info.config ?? '{}') as { sandboxImage?: unknown };
    return typeof sandboxImage === 'string' ? sandboxImage : undefined;
  } catch {
    return undefined;
  }
}
