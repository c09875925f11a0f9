import { RemovePodSandboxRequest } from '@berth/sdk/cri';
import type { ActionContext } from './action-context.ts';
import { ActionFailure } from './action-failure.ts';

/** Removes a stopped sandbox with its containers. */
export async function removeSandbox({ client }: ActionContext, podSandboxId: string, signal: AbortSignal): Promise<void> {
  await ActionFailure.explain('FailedKillPod', `error removing pod sandbox: runtime ${client.handler}`, () =>
    client.runtime.removePodSandbox(RemovePodSandboxRequest.create({ podSandboxId }), { signal }),
  );
}
