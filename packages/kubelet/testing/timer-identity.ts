import { Image, type ImageServiceService, RuntimeCondition, type RuntimeServiceService, RuntimeStatus } from '@berth/sdk/cri';
import type { CallContext, Implementation } from '@berth/sdk/serve';

type Faults = Map<string, (context: CallContext) => Promise<void> | void>;

/** What the timer runtime tells of itself. */
export function identity({ faults }: { faults: Faults }): Pick<Implementation<RuntimeServiceService>, 'status' | 'version'> {
  return {
    status: async (_request, context) => {
      await faults.get('Status')?.(context);
      const conditions = ['RuntimeReady', 'NetworkReady'].map((type) => RuntimeCondition.create({ type, status: true }));
      return { status: RuntimeStatus.create({ conditions }), info: {}, runtimeHandlers: [], features: undefined };
    },
    version: async () => ({ version: '0.1.0', runtimeName: 'timer', runtimeVersion: '1.2.3', runtimeApiVersion: 'v1' }),
  };
}

/** The images that have been pulled, by their names; each is as large as its name is long. */
export function listing({ images }: { images: ReadonlySet<string> }): Pick<Implementation<ImageServiceService>, 'listImages'> {
  return {
    listImages: async () => ({
      images: [...images].map((name) => Image.create({ id: name, repoTags: [name], size: BigInt(name.length) })),
    }),
  };
}
