import { isAbsolute, normalize } from 'node:path';
import type { CheckpointContainerRequest, CheckpointContainerResponse } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { CallContext } from '@berth/sdk/serve';
import type { Shim } from '../shim.ts';
import { containerSpec, describeContainer } from './container.ts';

/** CRI CheckpointContainer: of a running container, which goes on running. A failure leaves no archive. */
export async function checkpointContainer(
  shim: Shim,
  { containerId, location, timeout }: CheckpointContainerRequest,
  { signal }: CallContext,
): Promise<CheckpointContainerResponse> {
  const container = shim.containers.get(containerId);
  const { id, record } = container;
  const object = describeContainer(container);
  const { checkpoint } = shim.runtime;
  if (!checkpoint) throw new PluginError('UNIMPLEMENTED', 'its runtime makes no checkpoints', { object });
  if (!isAbsolute(location) || normalize(location) !== location || location.includes('\0')) {
    throw new PluginError('INVALID_ARGUMENT', `location ${JSON.stringify(location.slice(0, 100))} is no absolute path of a file`, {
      object,
    });
  }
  const limit = timeout > 0n ? AbortSignal.any([signal, AbortSignal.timeout(Math.min(Number(timeout) * 1000, 2 ** 31 - 1))]) : signal;
  await shim.work.inside(record.sandboxId, limit, (inside) =>
    shim.locks.hold(id, inside, async () => {
      if (record.phase !== 'running') {
        throw new PluginError('FAILED_PRECONDITION', `it is ${record.phase}, and only running containers have a state to write`, {
          object,
        });
      }
      await checkpoint(containerSpec(container, shim.sandboxes.get(record.sandboxId), shim.directories), location, inside);
    }),
  );
  return {};
}
