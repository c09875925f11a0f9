import type { PodSandboxConfig, RunPodSandboxRequest, RuntimeServiceService } from '@berth/sdk/cri';
import type { Implementation } from '@berth/sdk/serve';
import { type CallHooks, found } from './call-hooks.ts';
import { listedSandbox, type TimerLife } from './timer-life.ts';

/** The calls about sandboxes. Each has the address 10.9.0.2. */
export function sandboxCalls(life: TimerLife, hooks: CallHooks): Implementation<RuntimeServiceService> {
  const nameOf = (id: string) => life.sandboxes.get(id)?.config.metadata?.name;
  return {
    runPodSandbox: async ({ config }: RunPodSandboxRequest, context) => {
      await hooks.called('RunPodSandbox', config?.metadata?.name, context);
      return { podSandboxId: life.addSandbox(config as PodSandboxConfig) };
    },
    stopPodSandbox: async ({ podSandboxId }, context) => {
      await hooks.called('StopPodSandbox', nameOf(podSandboxId), context);
      life.stopSandbox(podSandboxId);
      return {};
    },
    removePodSandbox: async ({ podSandboxId }, context) => {
      await hooks.called('RemovePodSandbox', nameOf(podSandboxId), context);
      life.removeSandbox(podSandboxId);
      return {};
    },
    podSandboxStatus: async ({ podSandboxId }, context) => {
      await hooks.asked('PodSandboxStatus', context);
      const sandbox = found(life.sandboxes.get(podSandboxId), podSandboxId);
      return {
        status: { ...listedSandbox(sandbox), network: { ip: '10.9.0.2', additionalIps: [] } },
        info: {},
        containersStatuses: [],
        timestamp: 0n,
      };
    },
    listPodSandbox: async (_request, context) => {
      await hooks.asked('ListPodSandbox', context);
      return { items: [...life.sandboxes.values()].map(listedSandbox) };
    },
  };
}
