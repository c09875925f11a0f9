import type { LinuxContainerResources } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';

interface Range {
  /** Its name on the wire. */
  field: string;
  of(resources: LinuxContainerResources): bigint;
  least: bigint;
  most: bigint;
  /** What is outside of them and has a meaning: 0, not set; -1, without limit. */
  special: bigint[];
}

/** The numbers that the kernel takes; fewer than 1000 microseconds of CPU time it refuses. */
const ranges: Range[] = [
  { field: 'cpu_period', of: ({ cpuPeriod }) => cpuPeriod, least: 1000n, most: 1_000_000n, special: [0n] },
  { field: 'cpu_quota', of: ({ cpuQuota }) => cpuQuota, least: 1000n, most: 2n ** 53n, special: [0n, -1n] },
  { field: 'cpu_shares', of: ({ cpuShares }) => cpuShares, least: 0n, most: 262_144n, special: [] },
  { field: 'memory_limit_in_bytes', of: ({ memoryLimitInBytes }) => memoryLimitInBytes, least: 0n, most: 2n ** 53n, special: [] },
  {
    field: 'memory_swap_limit_in_bytes',
    of: ({ memorySwapLimitInBytes }) => memorySwapLimitInBytes,
    least: 0n,
    most: 2n ** 53n,
    special: [-1n],
  },
  { field: 'oom_score_adj', of: ({ oomScoreAdj }) => oomScoreAdj, least: -1000n, most: 1000n, special: [] },
];

/** More are no limits of anything, but a client that has lost count. */
const mostEntries = 1000;

/** Throws INVALID_ARGUMENT for limits that no kernel takes. `object` names who asks, `field` where they stand in the request. */
export function checkResources(resources: LinuxContainerResources | undefined, field: string, object: string): void {
  if (!resources) return;
  const refuse = (name: string, what: string): never => {
    throw new PluginError('INVALID_ARGUMENT', `${field}.${name} ${what}`, { object });
  };
  for (const { field: name, of, least, most, special } of ranges) {
    const value = of(resources);
    if ((value < least || value > most) && !special.includes(value)) refuse(name, `is ${value}, and ${least} to ${most} can be set`);
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

/** Throws INVALID_ARGUMENT for limits of which each can be had, though not together. */
export function checkSwapLimit(resources: LinuxContainerResources | undefined, field: string, object: string): void {
  const { memoryLimitInBytes: memory = 0n, memorySwapLimitInBytes: swap = 0n } = resources ?? {};
  if (swap <= 0n || (memory > 0n && swap >= memory)) return;
  throw new PluginError(
    'INVALID_ARGUMENT',
    `${field}.memory_swap_limit_in_bytes is ${swap}, and has to be memory_limit_in_bytes (${memory || 'not set'}) or more`,
    { object, hint: 'it counts memory and swap together' },
  );
}

/**
 * Limits after a change: what it leaves at 0 or empty stays as it was (CRI UpdateContainerResources). oom_score_adj stays always:
 * it belongs to processes, which have handed it on. A change of memory alone leaves as much swap as there was.
 */
export function changedResources(present: LinuxContainerResources | undefined, change: LinuxContainerResources): LinuxContainerResources {
  if (!present) return { ...change, oomScoreAdj: 0n };
  const changedPages = new Set(change.hugepageLimits.map(({ pageSize }) => pageSize));
  return {
    cpuPeriod: change.cpuPeriod || present.cpuPeriod,
    cpuQuota: change.cpuQuota || present.cpuQuota,
    cpuShares: change.cpuShares || present.cpuShares,
    memoryLimitInBytes: change.memoryLimitInBytes || present.memoryLimitInBytes,
    memorySwapLimitInBytes: change.memorySwapLimitInBytes || swapLimitAfter(present, change.memoryLimitInBytes),
    oomScoreAdj: present.oomScoreAdj,
    cpusetCpus: change.cpusetCpus || present.cpusetCpus,
    cpusetMems: change.cpusetMems || present.cpusetMems,
    hugepageLimits: [...present.hugepageLimits.filter(({ pageSize }) => !changedPages.has(pageSize)), ...change.hugepageLimits],
    unified: { ...present.unified, ...change.unified },
  };
}

function swapLimitAfter({ memoryLimitInBytes, memorySwapLimitInBytes }: LinuxContainerResources, memory: bigint): bigint {
  if (memory === 0n || memoryLimitInBytes === 0n || memorySwapLimitInBytes <= 0n) return memorySwapLimitInBytes;
  return memory + memorySwapLimitInBytes - memoryLimitInBytes;
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
