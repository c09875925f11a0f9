import { Image, type ImageFilter, type ImageServiceService } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { Implementation } from '@berth/sdk/serve';
import { inBatches } from '../streamed-list.ts';
import type { Images } from './images.ts';

/** CRI's ImageService over an image store. */
export function imageService(images: Images): Implementation<ImageServiceService> {
  return {
    async listImages({ filter }) {
      return { images: await matching(images, filter) };
    },

    async *streamImages({ filter }) {
      for await (const batch of inBatches(await matching(images, filter), Image)) yield { images: batch };
    },

    async imageStatus({ image, verbose }) {
      const reference = required(image?.image);
      const details = verbose ? await images.inspect?.(reference) : undefined;
      const info: Record<string, string> = details ? { info: JSON.stringify(details) } : {};
      return { image: await images.status(reference), info };
    },

    async pullImage({ image, auth, sandboxConfig }, { signal }) {
      return { imageRef: await images.pull(required(image?.image), { auth, sandbox: sandboxConfig }, signal) };
    },

    async removeImage({ image }) {
      await images.remove(required(image?.image));
      return {};
    },

    async imageFsInfo() {
      const usage = await images.usage();
      return { imageFilesystems: usage, containerFilesystems: usage };
    },
  };
}

async function matching(images: Images, filter: ImageFilter | undefined): Promise<Image[]> {
  const reference = filter?.image?.image;
  if (!reference) return images.list();
  const image = await images.status(reference);
  return image ? [image] : [];
}

function required(reference: string | undefined): string {
  if (reference) return reference;
  throw new PluginError('INVALID_ARGUMENT', 'image is required', { object: 'image.image' });
}
