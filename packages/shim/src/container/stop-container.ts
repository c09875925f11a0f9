import type { StopContainerRequest, StopContainerResponse } from '@berth/sdk/cri';
import type { CallContext } from '@berth/sdk/serve';
import { killedExitCode } from '../exit-code.ts';
import type { ContainerSpec } from '../runtime.ts';
import type { Shim } from '../shim.ts';
import { type Container, containerSpec } from './container.ts';

/**
 * CRI StopContainer: the stop signal, then SIGKILL after `timeout` seconds (0: at once). Idempotent, also for a container
 * that isn't there. It doesn't take the container's lock: a stop with less patience may overtake one with more, and a start
 * that hangs can be stopped.
 */
export async function stopContainer(
  shim: Shim,
  { containerId, timeout }: StopContainerRequest,
  { signal }: CallContext,
): Promise<StopContainerResponse> {
  const container = shim.containers.find(containerId);
  if (!container || container.record.phase === 'exited') return {};
  if (timeout > 0n && container.record.phase === 'running') {
    await signalContainer(shim, container, container.record.stopSignal, signal);
    if (await endsWithin(shim, container, Number(timeout) * 1000, signal)) return {};
  }
  await killContainer(shim, container, signal);
  return {};
}

/** SIGKILL, and waits for the end. A container that never ran ends as if it had been killed. */
export async function killContainer(shim: Shim, container: Container, signal: AbortSignal): Promise<void> {
  const { record } = container;
  if (record.phase === 'exited' || record.phase === 'creating') return;
  if (record.phase === 'created') {
    await removeFromRuntime(shim, container, signal);
    await shim.containers.exited(container, { exitCode: killedExitCode, finishedAt: new Date() });
    return;
  }
  await signalContainer(shim, container, 'SIGKILL', signal);
  await shim.containers.ended(container, signal);
}

async function signalContainer(shim: Shim, container: Container, posixSignal: string, signal: AbortSignal): Promise<void> {
  await ending(shim, container, signal, (spec) => shim.runtime.signal(spec, posixSignal, signal));
}

/** Takes the container out of the runtime; here it stays. */
export async function removeFromRuntime(shim: Shim, container: Container, signal: AbortSignal): Promise<void> {
  await ending(shim, container, signal, (spec) => shim.runtime.removeContainer(spec, signal));
}

/** The two calls that the runtime takes while `start` is in progress have a lock of their own: one of them at a time. */
async function ending(shim: Shim, container: Container, signal: AbortSignal, call: (spec: ContainerSpec) => Promise<void>): Promise<void> {
  const spec = containerSpec(container, shim.sandboxes.get(container.record.sandboxId), shim.directories);
  await shim.locks.hold(`ending ${container.id}`, signal, () => call(spec));
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
