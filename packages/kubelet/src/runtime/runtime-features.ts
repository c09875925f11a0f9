import { StatusRequest } from '@berth/sdk/cri';
import type { RuntimeClient } from './runtime-client.ts';

/** What a runtime can do that not every runtime can; one that tells nothing of a feature hasn't got it. */
export interface RuntimeFeatures {
  userNamespaces: boolean;
  userNamespacesHostNetwork: boolean;
  recursiveReadOnlyMounts: boolean;
  supplementalGroupsPolicy: boolean;
}

/** What each runtime of the node can do, asked once (CRI Status). */
export class RuntimeFeaturesCache {
  readonly #told = new Map<string, RuntimeFeatures>();

  async of({ handler, runtime, runtimeHandler }: RuntimeClient, signal: AbortSignal): Promise<RuntimeFeatures> {
    const known = this.#told.get(handler);
    if (known) return known;
    const { runtimeHandlers, features } = await runtime.status(StatusRequest.create(), { signal });
    const ofHandler = runtimeHandlers.find(({ name }) => name === runtimeHandler)?.features;
    const told = {
      userNamespaces: ofHandler?.userNamespaces ?? false,
      userNamespacesHostNetwork: features?.userNamespacesHostNetwork ?? false,
      recursiveReadOnlyMounts: ofHandler?.recursiveReadOnlyMounts ?? false,
      supplementalGroupsPolicy: features?.supplementalGroupsPolicy ?? false,
    };
    this.#told.set(handler, told);
    return told;
  }
}
