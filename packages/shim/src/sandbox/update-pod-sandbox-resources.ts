import { LinuxPodSandboxConfig, type UpdatePodSandboxResourcesRequest, type UpdatePodSandboxResourcesResponse } from '@berth/sdk/cri';
import type { CallContext } from '@berth/sdk/serve';
import { changedResources, checkResources } from '../container/resource-limits.ts';
import type { Shim } from '../shim.ts';
import { describeSandbox, encodeConfig, sandboxSpec } from './sandbox.ts';

/** CRI UpdatePodSandboxResources: recorded, and told to a runtime that follows; the pod's cgroup is the client's own. */
export async function updatePodSandboxResources(
  shim: Shim,
  { podSandboxId, overhead, resources }: UpdatePodSandboxResourcesRequest,
  { signal }: CallContext,
): Promise<UpdatePodSandboxResourcesResponse> {
  const found = shim.sandboxes.get(podSandboxId);
  checkResources(overhead, 'overhead', describeSandbox(found));
  checkResources(resources, 'resources', describeSandbox(found));
  await shim.locks.hold(found.id, signal, async () => {
    const sandbox = shim.sandboxes.getReady(found.id);
    const linux = sandbox.config.linux ?? LinuxPodSandboxConfig.fromPartial({});
    const changed = {
      overhead: overhead ? changedResources(linux.overhead, overhead) : linux.overhead,
      resources: resources ? changedResources(linux.resources, resources) : linux.resources,
    };
    await shim.runtime.updateSandbox?.(sandboxSpec(sandbox, shim.directories), changed, signal);
    sandbox.config = { ...sandbox.config, linux: { ...linux, ...changed } };
    sandbox.record.config = encodeConfig(sandbox.config);
    await shim.sandboxes.put(sandbox);
  });
  return {};
}
