import type { ContainerStatusRequest, ContainerStatusResponse } from '@berth/sdk/cri';
import type { CallContext } from '@berth/sdk/serve';
import type { Shim } from '../shim.ts';
import { type Container, containerSpec } from './container.ts';
import { containerStatusOf } from './cri-status.ts';

/** CRI ContainerStatus; NOT_FOUND for a container that isn't there. */
export async function containerStatus(
  shim: Shim,
  { containerId, verbose }: ContainerStatusRequest,
  { signal }: CallContext,
): Promise<ContainerStatusResponse> {
  const container = shim.containers.get(containerId);
  return { status: containerStatusOf(container), info: verbose ? { info: JSON.stringify(await details(shim, container, signal)) } : {} };
}

/** For a person: how it was made, and what its runtime tells. Variables may hold secrets, and stay away. */
async function details(shim: Shim, container: Container, signal: AbortSignal): Promise<object> {
  const { sandboxId, process, rootfs, mounts, phase } = container.record;
  const sandbox = shim.sandboxes.find(sandboxId);
  const runtime = sandbox && (await shim.runtime.inspect?.(containerSpec(container, sandbox, shim.directories), signal));
  const { env: _, ...shown } = process;
  return { sandboxID: sandboxId, phase, runtimeHandler: shim.handler, process: shown, rootfs, mounts, ...runtime };
}
