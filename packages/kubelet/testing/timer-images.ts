import { type AuthConfig, Image, type ImageServiceService, type RuntimeServiceService, StatusResponse } from '@berth/sdk/cri';
import type { CallContext, Implementation } from '@berth/sdk/serve';

/** What a runtime of the tests knows of its images. */
export interface TimerImages {
  images: Set<string>;
  /** Images of the size 0 have an entry here all the same; any other is 1000 bytes. */
  imageSizes: Map<string, bigint>;
  pinned: Set<string>;
  /** The logins of all pulls, in order; undefined for an anonymous one. */
  logins: (AuthConfig | undefined)[];
  /** What a test lets happen before a call is answered. */
  fault(rpc: string, context: CallContext): Promise<void>;
  called(rpc: string, subject: string | undefined, context: CallContext): Promise<void>;
}

const ordinarySize = 1000n;

/** The calls about images. An image's id is its name. */
export function imageCalls(store: TimerImages): Implementation<ImageServiceService> {
  const imageOf = (name: string) =>
    Image.create({ id: name, repoTags: [name], size: store.imageSizes.get(name) ?? ordinarySize, pinned: store.pinned.has(name) });
  return {
    listImages: () => ({ images: [...store.images].map(imageOf) }),
    imageStatus: async ({ image }, context) => {
      await store.fault('ImageStatus', context);
      return { image: store.images.has(image?.image ?? '') ? imageOf(image?.image ?? '') : undefined, info: {} };
    },
    pullImage: async ({ image, auth }, context) => {
      store.logins.push(auth);
      await store.called('PullImage', image?.image, context);
      store.images.add(image?.image ?? '');
      return { imageRef: image?.image ?? '' };
    },
    removeImage: async ({ image }, context) => {
      await store.called('RemoveImage', image?.image, context);
      store.images.delete(image?.image ?? '');
      return {};
    },
  };
}

/** CRI Status: it is ready, has no features, and makes its sandboxes of the image `pause`. */
export const statusCall: Implementation<RuntimeServiceService> = {
  status: ({ verbose }) =>
    StatusResponse.fromPartial({
      status: { conditions: [] },
      info: verbose ? { config: JSON.stringify({ sandboxImage: 'pause' }) } : {},
      runtimeHandlers: [{ name: '', features: { userNamespaces: false, recursiveReadOnlyMounts: false } }],
    }),
};
