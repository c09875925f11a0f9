import { type RuntimeServiceService, StatusResponse } from '@berth/sdk/cri';
import type { CallContext, Implementation } from '@berth/sdk/serve';

type Faults = Map<string, (context: CallContext) => Promise<void> | void>;

/** What the timer runtime tells of itself: it is ready, has no features, and makes its sandboxes of the image `pause`. */
export function identity({ faults }: { faults: Faults }): Pick<Implementation<RuntimeServiceService>, 'status' | 'version'> {
  return {
    status: async ({ verbose }, context) => {
      await faults.get('Status')?.(context);
      return StatusResponse.fromPartial({
        status: { conditions: ['RuntimeReady', 'NetworkReady'].map((type) => ({ type, status: true })) },
        info: verbose ? { config: JSON.stringify({ sandboxImage: 'pause' }) } : {},
        runtimeHandlers: [{ name: '', features: { userNamespaces: false, recursiveReadOnlyMounts: false } }],
      });
    },
    version: async () => ({ version: '0.1.0', runtimeName: 'timer', runtimeVersion: '1.2.3', runtimeApiVersion: 'v1' }),
  };
}
