import { type AuthConfig, Image, type ImageServiceService } from '@berth/sdk/cri';
import type { CallContext, Implementation } from '@berth/sdk/serve';

/** What a runtime of the tests knows of its images. */
export interface TimerImages {
  images: Set<string>;
  /** In bytes, by name; one without an entry has 1000. */
  imageSizes: Map<string, bigint>;
  pinned: Set<string>;
  /** The logins of all pulls, in order; undefined for an anonymous one. */
  logins: (AuthConfig | undefined)[];
  /** What a call does instead of answering, by its name. */
  faults: ReadonlyMap<string, (context: CallContext) => Promise<void> | void>;
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
      await store.faults.get('ImageStatus')?.(context);
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
