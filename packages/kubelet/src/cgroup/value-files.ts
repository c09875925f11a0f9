import { type CgroupValues, weightOf } from './cgroup-values.ts';

/** A file of a cgroup, and what is to be written to it. */
export interface ValueFile {
  /** The controller that has it. */
  controller: string;
  name: string;
  value: string;
  /** What is asked for holds only with it: where the kernel hasn't got it, that is an error. */
  required: boolean;
}

/** What cgroup v1 takes, in the order in which it takes it. */
export function filesOfV1({ cpuShares, cpuQuota, cpuPeriod, memoryLimit, pidsLimit, hugePageLimits = {} }: CgroupValues): ValueFile[] {
  return [
    ...file('cpu', 'cpu.shares', cpuShares, false),
    ...file('cpu', 'cpu.cfs_period_us', cpuPeriod, isLimit(cpuQuota)),
    ...file('cpu', 'cpu.cfs_quota_us', cpuQuota, isLimit(cpuQuota)),
    ...file('memory', 'memory.limit_in_bytes', memoryLimit, isLimit(memoryLimit)),
    ...file('pids', 'pids.max', unlimited(pidsLimit), isLimit(pidsLimit)),
    ...hugePageFiles(hugePageLimits, 'limit_in_bytes'),
  ];
}

/** What cgroup v2 takes. */
export function filesOfV2(values: CgroupValues): ValueFile[] {
  const { cpuShares, cpuQuota, cpuPeriod = 100_000n, memoryLimit, pidsLimit, hugePageLimits = {}, unified = {} } = values;
  return [
    ...file('cpu', 'cpu.weight', cpuShares === undefined ? undefined : weightOf(cpuShares), false),
    ...file('cpu', 'cpu.max', cpuQuota === undefined ? undefined : `${unlimited(cpuQuota)} ${cpuPeriod}`, isLimit(cpuQuota)),
    ...file('memory', 'memory.max', unlimited(memoryLimit), isLimit(memoryLimit)),
    ...file('pids', 'pids.max', unlimited(pidsLimit), isLimit(pidsLimit)),
    ...hugePageFiles(hugePageLimits, 'max'),
    ...Object.entries(unified).flatMap(([name, value]) => file(name.split('.')[0] ?? '', name, value, true)),
  ];
}

/** Pages in use, and those that are only reserved, where the kernel counts them apart. */
function hugePageFiles(limits: Readonly<Record<string, bigint>>, limitFile: string): ValueFile[] {
  return Object.entries(limits).flatMap(([size, limit]) => [
    ...file('hugetlb', `hugetlb.${size}.${limitFile}`, limit, limit > 0n),
    ...file('hugetlb', `hugetlb.${size}.rsvd.${limitFile}`, limit, false),
  ]);
}

function file(controller: string, name: string, value: bigint | string | undefined, required: boolean): ValueFile[] {
  return value === undefined ? [] : [{ controller, name, value: String(value), required }];
}

function isLimit(value: bigint | undefined): boolean {
  return value !== undefined && value >= 0n;
}

function unlimited(value: bigint | undefined): bigint | string | undefined {
  return value === -1n ? 'max' : value;
}
