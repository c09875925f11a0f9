import { RunPodSandboxRequest } from '@berth/sdk/cri';
import { sandboxConfig } from '../cri/sandbox-config.ts';
import { type ActionContext, sandboxSurroundings } from './action-context.ts';
import { ActionFailure } from './action-failure.ts';
import { checkRuntimeFeatures } from './runtime-requirements.ts';

/** Makes and starts the pod's sandbox, with its network. */
export async function runSandbox(context: ActionContext, attempt: number, signal: AbortSignal): Promise<void> {
  const { client, environment, events, pod } = context;
  await ActionFailure.explain('FailedCreatePodSandBox', `Failed to create pod sandbox: runtime ${client.handler}`, async () => {
    await checkRuntimeFeatures(context, signal);
    for (const { reason, message } of (await environment.dns.resolverOf(pod)).warnings) events.record(pod, 'Warning', reason, message);
    const config = sandboxConfig(pod, attempt, await sandboxSurroundings(context, signal));
    await client.runtime.runPodSandbox(RunPodSandboxRequest.create({ config, runtimeHandler: client.runtimeHandler }), { signal });
  });
}
