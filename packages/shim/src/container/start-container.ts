import type { StartContainerRequest, StartContainerResponse } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { CallContext } from '@berth/sdk/serve';
import type { Shim } from '../shim.ts';
import { containerSpec, describeContainer } from './container.ts';

/** CRI StartContainer: for a container that was created and never started. */
export async function startContainer(
  shim: Shim,
  { containerId }: StartContainerRequest,
  { signal }: CallContext,
): Promise<StartContainerResponse> {
  const { id } = shim.containers.get(containerId);
  await shim.locks.hold(id, signal, async () => {
    const container = shim.containers.get(id);
    const { record } = container;
    if (record.phase !== 'created') {
      throw new PluginError('FAILED_PRECONDITION', `it is ${record.phase}`, {
        object: describeContainer(container),
        hint: 'create a new container',
      });
    }
    const spec = containerSpec(container, shim.sandboxes.get(record.sandboxId), shim.directories);
    const startedAt = Date.now();
    await shim.runtime.start(spec, signal);
    record.startedAt = startedAt;
    // A short-lived process may have been reported as ended already.
    if (record.phase === 'created') record.phase = 'running';
    await shim.containers.put(container);
  });
  return {};
}
