import type { LinuxContainerResources, UpdateContainerResourcesRequest, UpdateContainerResourcesResponse } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { CallContext } from '@berth/sdk/serve';
import type { Shim } from '../shim.ts';
import { containerSpec, describeContainer, encodeContainerConfig } from './container.ts';
import { changedResources, checkResources, checkSwapLimit } from './resource-limits.ts';

/** CRI UpdateContainerResources: at once, for a container that was created or runs; recorded, so that its status tells it from then on. */
export async function updateContainerResources(
  shim: Shim,
  { containerId, linux, windows }: UpdateContainerResourcesRequest,
  { signal }: CallContext,
): Promise<UpdateContainerResourcesResponse> {
  const { id, record, ...container } = shim.containers.get(containerId);
  const object = describeContainer({ id, ...container });
  if (windows) throw new PluginError('INVALID_ARGUMENT', 'windows: it is a container of Linux', { object, hint: 'set linux' });
  if (!linux) throw new PluginError('INVALID_ARGUMENT', 'linux is required', { object });
  checkResources(linux, 'linux', object);
  await shim.work.inside(record.sandboxId, signal, (inside) => shim.locks.hold(id, inside, () => update(shim, id, linux, inside)));
  return {};
}

/** The caller holds the container's lock. */
async function update(shim: Shim, id: string, change: LinuxContainerResources, signal: AbortSignal): Promise<void> {
  const container = shim.containers.get(id);
  const { config, record } = container;
  const object = describeContainer(container);
  if (!shim.runtime.update) throw new PluginError('UNIMPLEMENTED', 'its runtime changes no limits', { object });
  if (record.phase !== 'created' && record.phase !== 'running') {
    throw new PluginError('FAILED_PRECONDITION', `it is ${record.phase}, and has no limits to change`, { object });
  }
  const resources = changedResources(config.linux?.resources, change);
  checkSwapLimit(resources, 'linux', object);
  const spec = containerSpec(container, shim.sandboxes.get(record.sandboxId), shim.directories);
  await shim.runtime.update(spec, resources, signal);
  container.config = { ...config, linux: { securityContext: undefined, ...config.linux, resources } };
  record.config = encodeContainerConfig(container.config);
  await shim.containers.put(container);
}
