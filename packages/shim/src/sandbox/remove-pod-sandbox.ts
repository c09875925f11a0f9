import type { RemovePodSandboxRequest, RemovePodSandboxResponse } from '@berth/sdk/cri';
import type { CallContext } from '@berth/sdk/serve';
import { remove as removeContainer } from '../container/remove-container.ts';
import type { Shim } from '../shim.ts';
import { sandboxSpec } from './sandbox.ts';
import { stop } from './stop-pod-sandbox.ts';

/** CRI RemovePodSandbox: with its containers, by force; idempotent, also for a sandbox that isn't there. */
export async function removePodSandbox(
  shim: Shim,
  { podSandboxId }: RemovePodSandboxRequest,
  { signal }: CallContext,
): Promise<RemovePodSandboxResponse> {
  const id = shim.sandboxes.find(podSandboxId)?.id;
  if (id !== undefined) await shim.locks.hold(id, signal, () => remove(shim, id, signal));
  return {};
}

/** The caller holds the sandbox's lock. */
export async function remove(shim: Shim, id: string, signal: AbortSignal): Promise<void> {
  const sandbox = shim.sandboxes.find(id);
  if (!sandbox) return;
  await stop(shim, sandbox, signal);
  for (const container of shim.containers.ofSandbox(id)) {
    await shim.locks.hold(container.id, signal, () => removeContainer(shim, container.id, signal));
  }
  await shim.runtime.removeSandbox(sandboxSpec(sandbox, shim.directories), signal);
  await shim.sandboxes.delete(id);
  shim.lifeCycle.sandboxDeleted(sandbox);
  shim.calls.trim();
}
