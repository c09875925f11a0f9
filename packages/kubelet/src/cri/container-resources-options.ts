/** What of the node and its settings decides about containers' resources. Settings are named as in KubeletConfiguration. */
export interface ContainerResourcesOptions {
  /** Bytes that the node has. */
  memory: bigint;
  /** Bytes of memory that pods may request. */
  allocatableMemory: bigint;
  /** Bytes that the node has. */
  swap: bigint;
  /** The host has cgroup v2 alone. */
  unifiedCgroups: boolean;
  /** Swap can be limited. */
  swapLimits: boolean;
  /** Sizes of huge pages that can be limited, as the kernel writes them: `2MB`. */
  pageSizes: readonly string[];
  /** Limits of CPU hold. */
  cpuCFSQuota: boolean;
  /** Microseconds. */
  cpuCFSQuotaPeriod: bigint;
  /** MemoryQoS, with cgroup v2: how near to its limit a container comes before it is slowed down; undefined: off. */
  memoryThrottlingFactor?: number;
  /** memorySwap.swapBehavior: pods don't swap, or burstable ones in proportion to their requests, with cgroup v2. */
  swapBehavior: 'NoSwap' | 'LimitedSwap';
  /** When memory runs out, only one process is ended, not all of the container; always so with cgroup v1. */
  singleProcessOOMKill: boolean;
}
