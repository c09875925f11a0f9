import { withGrace } from '@berth/sdk/abort';
import type { StopPodSandboxRequest, StopPodSandboxResponse } from '@berth/sdk/cri';
import type { CallContext } from '@berth/sdk/serve';
import { settleAll } from '@berth/sdk/settle-all';
import { killContainer } from '../container/stop-container.ts';
import type { Shim } from '../shim.ts';
import { type Sandbox, sandboxSpec } from './sandbox.ts';
import { unpinNamespaces } from './sandbox-namespaces.ts';

/** CRI StopPodSandbox: idempotent, also for a sandbox that isn't there. What a failed stop left undone, the next one does. */
export async function stopPodSandbox(
  shim: Shim,
  { podSandboxId }: StopPodSandboxRequest,
  { signal }: CallContext,
): Promise<StopPodSandboxResponse> {
  const sandbox = shim.sandboxes.find(podSandboxId);
  if (sandbox) await shim.locks.hold(sandbox.id, signal, () => stop(shim, sandbox, signal));
  return {};
}

/** A plugin whose DEL is killed in its middle may leave what no later DEL finds: one that has begun may end, whatever becomes of the call. */
const detachGraceMs = 10_000;

/** Kills what runs in it, then takes down the runtime's part, the network and the namespaces. The caller holds its lock. */
export async function stop(shim: Shim, sandbox: Sandbox, signal: AbortSignal): Promise<void> {
  const { id, config, record } = sandbox;
  if (record.phase === 'stopped') return;
  // What is half-made stays so on disk until it is gone: a shim that is killed over its removal goes on with that at its next start.
  const halfMade = record.phase === 'creating';
  const enter = async (phase: 'stopping' | 'stopped'): Promise<void> => {
    record.phase = phase;
    if (!halfMade) await shim.sandboxes.note(sandbox);
  };
  await enter('stopping');
  await shim.work.end(id, signal);
  await killAll(shim, id, signal);
  await shim.runtime.stopSandbox(sandboxSpec(sandbox, shim.directories), signal);
  const { network } = record.namespaces;
  if (network !== undefined && record.attached) {
    const { attached } = record;
    await withGrace(signal, detachGraceMs, (late) => shim.network.detach(id, network, config, attached, late));
    delete record.attached;
  }
  await unpinNamespaces(shim.directories.namespaces(id), signal);
  await enter('stopped');
  shim.lifeCycle.sandboxStopped(sandbox);
}

async function killAll(shim: Shim, sandboxId: string, signal: AbortSignal): Promise<void> {
  // Nothing goes on after the sandbox's lock is given back.
  await settleAll(shim.containers.ofSandbox(sandboxId).map((container) => killContainer(shim, container, signal)));
}
