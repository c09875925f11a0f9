import type { ResourceAmounts } from '@berth/api/resource-amounts';
import { readAmounts } from '@berth/api/resource-amounts';
import { PluginError } from '@berth/sdk/errors';
import type { CpuSet } from './cpu-set.ts';

/** What of a node isn't for pods. Fields are those of KubeletConfiguration. */
export interface Reservations {
  /** Resource amounts for what isn't Kubernetes': `{cpu: 100m, memory: 1Gi, ephemeral-storage: 1Gi, pid: "1000"}`. */
  systemReserved: Record<string, string>;
  /** The same for the kubelet and the runtimes. */
  kubeReserved: Record<string, string>;
  /** Thresholds of hard eviction, as quantities or percentages: `{memory.available: 100Mi, nodefs.available: 10%}`. */
  evictionHard: Record<string, string>;
}

/** kubelet's on Linux (kubelet/eviction/defaults_linux.go). */
export const defaultEvictionHard = {
  'memory.available': '100Mi',
  'nodefs.available': '10%',
  'nodefs.inodesFree': '5%',
  'imagefs.available': '15%',
  'imagefs.inodesFree': '5%',
};

/** kubelet's. */
export const defaultReservations: Reservations = { systemReserved: {}, kubeReserved: {}, evictionHard: defaultEvictionHard };

/**
 * The reservations of a node that keeps whole CPUs from pods: as much CPU time as these are is systemReserved, and what else was said of cpu falls away
 * (kubernetes:cmd/kubelet/app/server.go).
 */
export function withReservedCpus<T extends Pick<Reservations, 'systemReserved' | 'kubeReserved'>>(reservations: T, { size }: CpuSet): T {
  if (size === 0) return reservations;
  const { cpu: _dropped, ...kubeReserved } = reservations.kubeReserved;
  return { ...reservations, systemReserved: { ...reservations.systemReserved, cpu: `${size}` }, kubeReserved };
}

/** The signals whose thresholds are kept free of pods, and the resource that each is of. */
const reservedSignals: Record<string, string> = { 'memory.available': 'memory', 'nodefs.available': 'ephemeral-storage' };

/** What system and kubelet are to have, of each resource. INVALID_ARGUMENT for what is no amount. */
export function reservedAmounts({ systemReserved = {}, kubeReserved = {} }: Partial<Reservations>): Map<string, bigint> {
  const total = new Map<string, bigint>();
  for (const [field, amounts] of Object.entries({ systemReserved, kubeReserved })) {
    for (const [name, amount] of parse(field, amounts)) total.set(name, (total.get(name) ?? 0n) + amount);
  }
  return total;
}

/** What has to stay free, lest pods be evicted; percentages are of `capacity`. */
export function evictionAmounts({ evictionHard }: Reservations, capacity: ResourceAmounts): Map<string, bigint> {
  return new Map(
    Object.entries(reservedSignals).flatMap(([signal, name]) => {
      const threshold = evictionHard[signal];
      return threshold === undefined ? [] : [[name, thresholdAmount(signal, threshold, capacity.get(name) ?? 0n)]];
    }),
  );
}

function thresholdAmount(signal: string, threshold: string, capacity: bigint): bigint {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(threshold)?.[1];
  if (percent !== undefined) return (capacity * BigInt(Math.round(Number(percent) * 1000))) / 100_000n;
  return parse('evictionHard', { [signal]: threshold }).get(signal) ?? 0n;
}

function parse(field: string, amounts: Record<string, string>): Map<string, bigint> {
  try {
    return readAmounts(amounts);
  } catch (thrown) {
    throw PluginError.from(thrown, 'INVALID_ARGUMENT', { object: `kubelet configuration, field ${field}` });
  }
}
