import type { StopContainerRequest, StopContainerResponse } from '@berth/sdk/cri';
import type { CallContext } from '@berth/sdk/serve';
import type { Shim } from '../shim.ts';
import { type Container, containerSpec } from './container.ts';

/**
 * CRI StopContainer: the stop signal, then SIGKILL after `timeout` seconds (0: at once). Idempotent, also for a container
 * that isn't there. Takes no lock: a stop with less patience may overtake one with more.
 */
export async function stopContainer(
  shim: Shim,
  { containerId, timeout }: StopContainerRequest,
  { signal }: CallContext,
): Promise<StopContainerResponse> {
  const container = shim.containers.find(containerId);
  if (!container || container.record.phase === 'exited') return {};
  if (timeout > 0n && container.record.phase === 'running') {
    const spec = containerSpec(container, shim.sandboxes.get(container.record.sandboxId), shim.directories);
    await shim.runtime.signal(spec, spec.stopSignal, signal);
    if (await endsWithin(shim, container, Number(timeout) * 1000, signal)) return {};
  }
  await killContainer(shim, container, signal);
  return {};
}

/** SIGKILL, and waits for the end. A container that never ran ends as if it had been killed. */
export async function killContainer(shim: Shim, container: Container, signal: AbortSignal): Promise<void> {
  const { record } = container;
  if (record.phase === 'exited' || record.phase === 'creating') return;
  const spec = containerSpec(container, shim.sandboxes.get(record.sandboxId), shim.directories);
  if (record.phase === 'created') {
    await shim.runtime.removeContainer(spec, signal);
    await shim.containers.exited(container, { exitCode: 137, finishedAt: new Date() });
    return;
  }
  await shim.runtime.signal(spec, 'SIGKILL', signal);
  await shim.containers.ended(container, signal);
}

async function endsWithin(shim: Shim, container: Container, milliseconds: number, signal: AbortSignal): Promise<boolean> {
  const limit = AbortSignal.timeout(Math.min(milliseconds, 2 ** 31 - 1));
  try {
    await shim.containers.ended(container, AbortSignal.any([limit, signal]));
    return true;
  } catch (error) {
    if (signal.aborted || !limit.aborted) throw error;
    return false;
  }
}
