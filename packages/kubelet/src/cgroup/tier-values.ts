import type { Pod } from '@berth/api/objects';
import { podRequests } from '@berth/api/resource-amounts';
import { qosClassOf } from '../plan/qos-class.ts';
import { type CgroupValues, leastShares, sharesOf } from './cgroup-values.ts';

/** The classes whose pods are in a cgroup of their class; Guaranteed pods are beside them. */
export type Tier = 'burstable' | 'besteffort';

export const tiers: readonly Tier[] = ['burstable', 'besteffort'];

/** How much of higher classes' requests lower ones can't have; fields as in KubeletConfiguration. */
export interface TierOptions {
  /** Percent of the requested memory: `{memory: "50%"}`. */
  qosReserved: Record<string, string>;
  /** Requests of memory are kept for the pods (MemoryQoS). */
  memoryThrottlingFactor?: number;
}

/** Of each class; `kept`, the files of cgroup v2 that what is above the classes needs for theirs to hold. */
type TierValues = Record<Tier, CgroupValues> & { kept: Record<string, string> };

/**
 * The values of the classes' cgroups for the pods that are there (kubelet's qosContainerManager): burstable pods together weigh what they
 * request, those of best effort as little as may be. `allocatableMemory` in bytes.
 */
export function tierValues(pods: readonly Pod[], options: TierOptions, allocatableMemory: bigint): TierValues {
  const requested = (name: string, qosClass: string) =>
    pods.filter((pod) => qosClassOf(pod) === qosClass).reduce((sum, pod) => sum + (podRequests(pod).get(name) ?? 0n), 0n);
  const [guaranteed, burstable] = [requested('memory', 'Guaranteed'), requested('memory', 'Burstable')];
  const percent = reservedPercent(options);
  const left = allocatableMemory - (guaranteed * (percent ?? 0n)) / 100n;
  const kept = (memory: bigint): Record<string, string> =>
    options.memoryThrottlingFactor === undefined ? {} : { 'memory.min': String(memory) };
  return {
    burstable: { cpuShares: sharesOf(requested('cpu', 'Burstable')), ...(percent && { memoryLimit: left }), unified: kept(burstable) },
    besteffort: { cpuShares: leastShares, ...(percent && { memoryLimit: left - (burstable * percent) / 100n }) },
    kept: kept(guaranteed + burstable),
  };
}

function reservedPercent({ qosReserved }: TierOptions): bigint | undefined {
  const digits = /^(\d+)%$/.exec(qosReserved.memory ?? '')?.[1];
  return digits === undefined ? undefined : BigInt(digits);
}
