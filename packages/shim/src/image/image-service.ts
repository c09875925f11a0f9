import type { ImageServiceService } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { Implementation } from '@berth/sdk/serve';
import type { Images } from './images.ts';

/** CRI's ImageService over an image store. */
export function imageService(images: Images): Implementation<ImageServiceService> {
  return {
    async listImages({ filter }) {
      const reference = filter?.image?.image;
      if (!reference) return { images: await images.list() };
      const image = await images.status(reference);
      return { images: image ? [image] : [] };
    },

    async imageStatus({ image }) {
      return { image: await images.status(required(image?.image)), info: {} };
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

function required(reference: string | undefined): string {
  if (reference) return reference;
  throw new PluginError('INVALID_ARGUMENT', 'image is required', { object: 'image.image' });
}
