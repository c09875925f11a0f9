import { type CgroupValues, weightOf } from './cgroup-values.ts';

const defaultPeriod = 100_000n;

/** The values that systemd has words for, as `systemctl set-property` takes them (systemd.resource-control(5)). */
export function sliceProperties({ cpuShares, cpuQuota, cpuPeriod, memoryLimit, pidsLimit }: CgroupValues, unified: boolean): string[] {
  return [
    ...property(unified ? 'CPUWeight' : 'CPUShares', unified && cpuShares !== undefined ? weightOf(cpuShares) : cpuShares),
    ...property('CPUQuota', cpuQuota === undefined ? undefined : percentage(cpuQuota, cpuPeriod || defaultPeriod)),
    ...property(unified ? 'MemoryMax' : 'MemoryLimit', unlimited(memoryLimit)),
    ...property('TasksMax', unlimited(pidsLimit)),
  ];
}

/** Rounded up to whole percents, which is all that older versions take; the exact value is written to the file after. Empty: no limit. */
function percentage(quota: bigint, period: bigint): string {
  return quota < 0n ? '' : `${(quota * 100n + period - 1n) / period}%`;
}

function property(name: string, value: bigint | string | undefined): string[] {
  return value === undefined ? [] : [`${name}=${value}`];
}

function unlimited(value: bigint | undefined): bigint | string | undefined {
  return value === -1n ? 'infinity' : value;
}
