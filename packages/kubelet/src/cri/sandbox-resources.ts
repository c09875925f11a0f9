import type { Pod } from '@berth/api/objects';
import { limitsAll, podLimits, podRequests, readAmounts } from '@berth/api/resource-amounts';
import { LinuxContainerResources } from '@berth/sdk/cri';
import { defaultPodValues } from '../cgroup/pod-values.ts';
import { specOf } from '../pod.ts';
import { cpuValues } from './resources.ts';

/** What all of the pod's containers may use together, besides the overhead; a limit only where each has one. VMs are sized by it. */
export function sandboxResources(pod: Pod): LinuxContainerResources {
  const { overhead: _, ...spec } = specOf(pod);
  const bare = { ...pod, spec };
  const [requests, limits] = [podRequests(bare), podLimits(bare)];
  const limit = (name: string) => (limitsAll(bare, name) ? limits.get(name) : undefined);
  return LinuxContainerResources.create({
    ...cpuValues(requests.get('cpu'), limit('cpu'), defaultPodValues),
    memoryLimitInBytes: limit('memory') ?? 0n,
  });
}

/** What the pod takes besides its containers (spec.overhead): as much is requested as it may use. Undefined for a pod without any. */
export function sandboxOverhead(pod: Pod): LinuxContainerResources | undefined {
  const { overhead } = specOf(pod);
  if (!overhead) return undefined;
  const amounts = readAmounts(overhead);
  return LinuxContainerResources.create({
    ...cpuValues(amounts.get('cpu'), amounts.get('cpu'), defaultPodValues),
    memoryLimitInBytes: amounts.get('memory') ?? 0n,
  });
}
