import { StopPodSandboxRequest } from '@berth/sdk/cri';
import type { ActionContext } from './action-context.ts';
import { ActionFailure } from './action-failure.ts';

/** Ends what still runs in the sandbox and gives back its network; the sandbox stays to be looked at. */
export async function stopSandbox({ client }: ActionContext, podSandboxId: string, signal: AbortSignal): Promise<void> {
  await ActionFailure.explain('FailedKillPod', `error killing pod: runtime ${client.handler}`, () =>
    client.runtime.stopPodSandbox(StopPodSandboxRequest.create({ podSandboxId }), { signal }),
  );
}
