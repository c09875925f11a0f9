import { ContainerState, ListContainersRequest, RemoveContainerRequest } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import { podUidLabel } from '../cri/labels.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';

/** Removes the dead containers of these pods, whose logs and statuses stay; what a runtime can't remove is logged. */
export async function removeDeadContainers(
  clients: readonly RuntimeClient[],
  uids: ReadonlySet<string>,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const state = { state: ContainerState.CONTAINER_EXITED };
  for (const { handler, runtime, onDemand } of clients) {
    if (onDemand?.started === false) continue;
    try {
      const { containers } = await runtime.listContainers(ListContainersRequest.create({ filter: { state } }), { signal });
      for (const { id, labels } of containers) {
        if (uids.has(labels[podUidLabel] ?? ''))
          await runtime.removeContainer(RemoveContainerRequest.create({ containerId: id }), { signal });
      }
    } catch (thrown) {
      log.warn({ handler }, `dead containers can't be removed: ${PluginError.from(thrown).message}`);
    }
  }
}
