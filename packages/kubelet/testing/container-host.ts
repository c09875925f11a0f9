import type { ContainerResourcesOptions } from '../src/cri/container-resources-options.ts';

/** A node with 1 GiB of memory, 2 GiB of swap that it can't limit, and cgroup v1. */
export const containerHost: ContainerResourcesOptions = {
  memory: 2n ** 30n,
  allocatableMemory: 2n ** 30n,
  swap: 2n ** 31n,
  unifiedCgroups: false,
  swapLimits: false,
  pageSizes: [],
  cpuCFSQuota: true,
  cpuCFSQuotaPeriod: 100_000n,
  swapBehavior: 'NoSwap',
  singleProcessOOMKill: false,
};
