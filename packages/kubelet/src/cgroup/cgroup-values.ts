/** What a cgroup is to allow; what is absent stays as it is. */
export interface CgroupValues {
  /** cpu.shares, 2 to 262,144; with cgroup v2 the weight that stands for it. */
  cpuShares?: bigint;
  /** Microseconds of CPU time in each period; -1: no limit. */
  cpuQuota?: bigint;
  /** Microseconds. */
  cpuPeriod?: bigint;
  /** Bytes; -1: no limit. */
  memoryLimit?: bigint;
  /** Processes and threads; -1: no limit. */
  pidsLimit?: bigint;
  /** Bytes by page size as the kernel writes it: `2MB`. */
  hugePageLimits?: Readonly<Record<string, bigint>>;
  /** Files of cgroup v2 and their contents; left out on v1. */
  unified?: Readonly<Record<string, string>>;
}

/** The least weight that a cgroup can have. */
export const leastShares = 2n;
const mostShares = 262_144n;
const leastQuota = 1000n;

/** cpu.shares of a number of millicores (cm/helpers_linux.go). */
export function sharesOf(milli: bigint): bigint {
  const shares = (milli * 1024n) / 1000n;
  return shares < leastShares ? leastShares : shares > mostShares ? mostShares : shares;
}

/** CPU microseconds in each `period` for a number of millicores; 0 for none, which is no limit. */
export function quotaOf(milli: bigint, period: bigint): bigint {
  if (milli === 0n) return 0n;
  const quota = (milli * period) / 1000n;
  return quota < leastQuota ? leastQuota : quota;
}

/** cpu.weight of pods and QoS classes: linear, from 1 to 10,000 (kubelet's; OCI runtimes have another curve for containers). */
export function weightOf(shares: bigint): bigint {
  return 1n + ((shares - leastShares) * 9999n) / (mostShares - leastShares);
}

/** `2MB` for the resource `hugepages-2Mi`, as the kernel's files and CRI have it. */
export function pageSizeOf(resource: string): string {
  return resource.replace(/^hugepages-(\d+)([KMG])i$/, '$1$2B');
}
