import type { ResourceAmounts } from '@berth/api/resource-amounts';
import { type CgroupValues, sharesOf } from './cgroup-values.ts';
import { hugePageLimits } from './pod-values.ts';

/** The values of a cgroup that is to have these amounts (kubelet's getCgroupConfig): of all pods, or of what is reserved. */
export function nodeValues(amounts: ResourceAmounts, pageSizes: readonly string[]): CgroupValues {
  const [cpu, memory, pids] = [amounts.get('cpu'), amounts.get('memory'), amounts.get('pid')];
  const sizes = pageSizes.length > 0 ? hugePageLimits(amounts, []) : {};
  return {
    ...(cpu !== undefined && { cpuShares: sharesOf(cpu) }),
    ...(memory !== undefined && { memoryLimit: memory }),
    ...(pids !== undefined && { pidsLimit: pids }),
    hugePageLimits: sizes,
  };
}
