import type { LinuxContainerResources } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';

/** The numbers that the kernel takes, by their names on the wire. */
const ranges: [field: string, of: (resources: LinuxContainerResources) => bigint, least: bigint, most: bigint][] = [
  ['cpu_period', ({ cpuPeriod }) => cpuPeriod, 0n, 1_000_000n],
  ['cpu_quota', ({ cpuQuota }) => cpuQuota, -1n, 2n ** 53n],
  ['cpu_shares', ({ cpuShares }) => cpuShares, 0n, 262_144n],
  ['memory_limit_in_bytes', ({ memoryLimitInBytes }) => memoryLimitInBytes, 0n, 2n ** 53n],
  ['memory_swap_limit_in_bytes', ({ memorySwapLimitInBytes }) => memorySwapLimitInBytes, -1n, 2n ** 53n],
  ['oom_score_adj', ({ oomScoreAdj }) => oomScoreAdj, -1000n, 1000n],
];

/** More are no limits of anything, but a client that has lost count. */
const mostEntries = 1000;

/** Throws INVALID_ARGUMENT for limits that no kernel takes. `object` names who asks, `field` where they stand in the request. */
export function checkResources(resources: LinuxContainerResources | undefined, field: string, object: string): void {
  if (!resources) return;
  const refuse = (name: string, what: string): never => {
    throw new PluginError('INVALID_ARGUMENT', `${field}.${name} ${what}`, { object });
  };
  for (const [name, of, least, most] of ranges) {
    const value = of(resources);
    if (value < least || value > most) refuse(name, `is ${value}, and ${least} to ${most} can be set`);
  }
  for (const [name, list] of [['cpuset_cpus', resources.cpusetCpus] as const, ['cpuset_mems', resources.cpusetMems] as const]) {
    if (!/^(\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*)?$/.test(list)) refuse(name, `${shown(list)} is no list such as 0-2,7`);
  }
  const { hugepageLimits, unified } = resources;
  if (hugepageLimits.length > mostEntries) refuse('hugepage_limits', `has ${hugepageLimits.length} entries`);
  for (const { pageSize } of hugepageLimits) {
    if (!/^\d{1,10}[KMG]B$/.test(pageSize)) refuse('hugepage_limits', `page size ${shown(pageSize)} is not of the form 2MB`);
  }
  if (Object.keys(unified).length > mostEntries) refuse('unified', `has ${Object.keys(unified).length} entries`);
  for (const file of Object.keys(unified)) {
    if (!/^[a-z0-9_]+\.[a-zA-Z0-9_.]+$/.test(file)) refuse('unified', `${shown(file)} is no file of a cgroup`);
  }
}

/**
 * Limits after a change: what it leaves at 0 or empty stays as it was (CRI UpdateContainerResources). oom_score_adj stays always:
 * it belongs to processes, which have handed it on.
 */
export function changedResources(present: LinuxContainerResources | undefined, change: LinuxContainerResources): LinuxContainerResources {
  if (!present) return change;
  const changedPages = new Set(change.hugepageLimits.map(({ pageSize }) => pageSize));
  return {
    cpuPeriod: change.cpuPeriod || present.cpuPeriod,
    cpuQuota: change.cpuQuota || present.cpuQuota,
    cpuShares: change.cpuShares || present.cpuShares,
    memoryLimitInBytes: change.memoryLimitInBytes || present.memoryLimitInBytes,
    memorySwapLimitInBytes: change.memorySwapLimitInBytes || present.memorySwapLimitInBytes,
    oomScoreAdj: present.oomScoreAdj,
    cpusetCpus: change.cpusetCpus || present.cpusetCpus,
    cpusetMems: change.cpusetMems || present.cpusetMems,
    hugepageLimits: [...present.hugepageLimits.filter(({ pageSize }) => !changedPages.has(pageSize)), ...change.hugepageLimits],
    unified: { ...present.unified, ...change.unified },
  };
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
