import { RemoveContainerRequest } from '@berth/sdk/cri';
import type { ActionContext } from './action-context.ts';
import { ActionFailure } from './action-failure.ts';

/** Removes an instance that has ended. */
export async function removeContainer({ client }: ActionContext, containerId: string, signal: AbortSignal): Promise<void> {
  await ActionFailure.explain('FailedKillPod', `error removing container: runtime ${client.handler}`, () =>
    client.runtime.removeContainer(RemoveContainerRequest.create({ containerId }), { signal }),
  );
}
