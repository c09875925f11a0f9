import type { Pod } from '@berth/api/objects';
import { limitsAll, podLimits, podRequests } from '@berth/api/resource-amounts';
import { qosClassOf } from '../plan/qos-class.ts';
import { type CgroupValues, leastShares, pageSizeOf, quotaOf, sharesOf } from './cgroup-values.ts';

/** How pods' requests and limits become values of their cgroups. Fields are those of KubeletConfiguration. */
export interface PodValuesOptions {
  /** Limits of CPU hold. */
  cpuCFSQuota: boolean;
  /** Microseconds. */
  cpuCFSQuotaPeriod: bigint;
  /** The most processes and threads of a pod; -1: as many as the host has. */
  podPidsLimit: bigint;
  /** Requests of memory are kept for the pod, and its containers slowed down as they near their limits by this factor: MemoryQoS; undefined: off. Only with cgroup v2. */
  memoryThrottlingFactor?: number;
}

export const defaultPodValues: PodValuesOptions = { cpuCFSQuota: true, cpuCFSQuotaPeriod: 100_000n, podPidsLimit: -1n };

/** The values of a pod's cgroup (kubelet's ResourceConfigForPod): a limit where all of its containers have one. `pageSizes` are those that the host can limit: `2MB`. */
export function podValues(pod: Pod, options: PodValuesOptions, pageSizes: readonly string[]): CgroupValues {
  const [requests, limits] = [podRequests(pod), podLimits(pod)];
  const amount = (amounts: ReadonlyMap<string, bigint>, name: string) => amounts.get(name) ?? 0n;
  const { memoryThrottlingFactor, podPidsLimit } = options;
  const memory = amount(requests, 'memory');
  return {
    cpuShares: qosClassOf(pod) === 'BestEffort' ? leastShares : sharesOf(amount(requests, 'cpu')),
    ...(limitsAll(pod, 'cpu') && cpuLimit(amount(limits, 'cpu'), options)),
    ...(limitsAll(pod, 'memory') && { memoryLimit: amount(limits, 'memory') }),
    ...(podPidsLimit > 0n && { pidsLimit: podPidsLimit }),
    hugePageLimits: hugePageLimits(limits, pageSizes),
    ...(memoryThrottlingFactor !== undefined && memory > 0n && { unified: { 'memory.min': String(memory) } }),
  };
}

function cpuLimit(milli: bigint, { cpuCFSQuota, cpuCFSQuotaPeriod }: PodValuesOptions): CgroupValues {
  return { cpuQuota: cpuCFSQuota ? quotaOf(milli, cpuCFSQuotaPeriod) : -1n, cpuPeriod: cpuCFSQuotaPeriod };
}

/** Bytes by page size; nothing of a size that isn't asked for. */
export function hugePageLimits(limits: ReadonlyMap<string, bigint>, pageSizes: readonly string[]): Record<string, bigint> {
  const asked = [...limits].filter(([name]) => name.startsWith('hugepages-')).map(([name, bytes]) => [pageSizeOf(name), bytes] as const);
  return { ...Object.fromEntries(pageSizes.map((size) => [size, 0n])), ...Object.fromEntries(asked) };
}
