import { type Image, ImageStatusRequest } from '@berth/sdk/cri';
import { type ActionContext, imageSpec } from './action-context.ts';
import { ActionFailure } from './action-failure.ts';

/** What the runtime knows of an image; undefined if it isn't there. */
export async function checkImage({ client }: ActionContext, image: string, signal: AbortSignal): Promise<Image | undefined> {
  const who = `Failed to inspect image ${JSON.stringify(image)}: runtime ${client.handler}`;
  return ActionFailure.explain('ImageInspectError', who, async () => {
    const response = await client.images.imageStatus(ImageStatusRequest.create({ image: imageSpec(client, image) }), { signal });
    return response.image;
  });
}
