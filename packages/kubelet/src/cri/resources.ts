import type { Container, Pod, ResourceRequirements } from '@berth/api/objects';
import { type ResourceAmounts, readAmounts } from '@berth/api/resource-amounts';
import { HugepageLimit, LinuxContainerResources } from '@berth/sdk/cri';
import { quotaOf, sharesOf } from '../cgroup/cgroup-values.ts';
import { hugePageLimits } from '../cgroup/pod-values.ts';
import { specOf } from '../pod.ts';
import type { ContainerResourcesOptions } from './container-resources-options.ts';
import { oomScoreAdj } from './oom-score.ts';
import { swapLimit } from './swap.ts';

const pageBytes = 4096n;

/** A container's cgroup values, by kubelet's arithmetic (cm/helpers_linux.go). Where it has no limit, that of the pod as a whole is its own. */
export function containerResources(pod: Pod, container: Container, options: ContainerResourcesOptions): LinuxContainerResources {
  const requests = readAmounts(container.resources?.requests);
  const limits = new Map([...positive(specOf(pod).resources?.limits), ...positive(container.resources?.limits)]);
  const memoryLimit = limits.get('memory') ?? 0n;
  const swap = swapLimit(pod, container, memoryLimit, options);
  return LinuxContainerResources.create({
    ...cpuValues(requests.get('cpu') ?? limits.get('cpu'), limits.get('cpu'), options),
    memoryLimitInBytes: memoryLimit,
    ...swap,
    oomScoreAdj: BigInt(oomScoreAdj(pod, container, options.memory)),
    hugepageLimits: pageLimits(readAmounts(container.resources?.limits), options),
    unified: { ...swap.unified, ...unifiedFiles(requests.get('memory') ?? 0n, memoryLimit, options) },
  });
}

/** Shares and quota of numbers of millicores. */
export function cpuValues(
  request: bigint | undefined,
  limit: bigint | undefined,
  { cpuCFSQuota, cpuCFSQuotaPeriod }: Pick<ContainerResourcesOptions, 'cpuCFSQuota' | 'cpuCFSQuotaPeriod'>,
): Partial<LinuxContainerResources> {
  const quota = cpuCFSQuota ? quotaOf(limit ?? 0n, cpuCFSQuotaPeriod) : 0n;
  return { cpuPeriod: cpuCFSQuotaPeriod, cpuShares: sharesOf(request ?? 0n), cpuQuota: quota };
}

function pageLimits(limits: ResourceAmounts, { pageSizes }: ContainerResourcesOptions): HugepageLimit[] {
  return Object.entries(hugePageLimits(limits, pageSizes)).map(([pageSize, limit]) => HugepageLimit.create({ pageSize, limit }));
}

/** What only cgroup v2 has: one for all when memory runs out, and MemoryQoS. */
function unifiedFiles(request: bigint, limit: bigint, options: ContainerResourcesOptions): Record<string, string> {
  const { unifiedCgroups, singleProcessOOMKill, memoryThrottlingFactor, allocatableMemory } = options;
  if (!unifiedCgroups) return {};
  const room = (limit || allocatableMemory) - request;
  const high = request + (room * BigInt(Math.round((memoryThrottlingFactor ?? 0) * 1000))) / 1000n;
  const isThrottled = memoryThrottlingFactor !== undefined && request !== limit && high > request;
  return {
    ...(!singleProcessOOMKill && { 'memory.oom.group': '1' }),
    ...(memoryThrottlingFactor !== undefined && request > 0n && { 'memory.min': String(request) }),
    ...(isThrottled && { 'memory.high': String(high - (high % pageBytes)) }),
  };
}

/** A limit of zero is none. */
function positive(list: ResourceRequirements['limits']): [string, bigint][] {
  return [...readAmounts(list)].filter(([, amount]) => amount > 0n);
}
