import type { RemoveContainerRequest, RemoveContainerResponse } from '@berth/sdk/cri';
import type { CallContext } from '@berth/sdk/serve';
import type { Shim } from '../shim.ts';
import type { Container } from './container.ts';
import { unmountIdmappedVolumes } from './idmapped-volumes.ts';
import { unmountRootfs } from './rootfs.ts';
import { killContainer, removeFromRuntime } from './stop-container.ts';

/** CRI RemoveContainer: kills it if it runs; idempotent, also for a container that isn't there. */
export async function removeContainer(
  shim: Shim,
  { containerId }: RemoveContainerRequest,
  { signal }: CallContext,
): Promise<RemoveContainerResponse> {
  const container = shim.containers.find(containerId);
  if (!container) return {};
  // Before the lock, which a start that hangs holds until its container is gone.
  await killContainer(shim, container, signal);
  await shim.locks.hold(container.id, signal, () => remove(shim, container.id, signal));
  return {};
}

/** The caller holds the container's lock. The log stays: it is the client's. */
export async function remove(shim: Shim, id: string, signal: AbortSignal): Promise<void> {
  const container = shim.containers.find(id);
  if (!container) return;
  await killContainer(shim, container, signal);
  await removeFromRuntime(shim, container, signal);
  await forget(shim, container, signal);
}

/** Removes what the shim itself made for a container that the runtime doesn't have. */
export async function forget(shim: Shim, container: Container, signal: AbortSignal): Promise<void> {
  const { id, config, record } = container;
  await unmountRootfs(record.rootfs, signal);
  await shim.imageVolumes.remove(id, config, signal);
  await unmountIdmappedVolumes(shim, id, config, signal);
  await shim.images.release(id);
  await shim.containers.delete(id);
  shim.lifeCycle.containerDeleted(container, shim.sandboxes.find(record.sandboxId));
}
