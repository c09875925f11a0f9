import { StatusRequest } from '@berth/sdk/cri';
import type { RuntimeClient } from './runtime-client.ts';

/** Whether the runtime, for the handler that its pods name, makes read-only mounts of which everything below is read-only too. */
export async function mountsRecursivelyReadOnly({ runtime, runtimeHandler }: RuntimeClient, signal: AbortSignal): Promise<boolean> {
  const { runtimeHandlers } = await runtime.status(StatusRequest.create(), { signal });
  return runtimeHandlers.find(({ name }) => name === runtimeHandler)?.features?.recursiveReadOnlyMounts ?? false;
}
