import type { Pod } from '@berth/api/objects';
import { Quantity } from '@berth/api/quantity';
import { allContainers } from '../pod.ts';
import type { ContainerStats, PodStats } from '../stats/summary.ts';
import { whole } from './pod-usage.ts';
import { metOf } from './pressure.ts';
import { type Observations, resourceOf, type ShortResource } from './signals.ts';
import type { Threshold } from './thresholds.ts';

/** Why a pod is evicted, in kubelet's words: what was short, by how much, and which containers use more of it than they request. */
export function evictionMessage(
  resource: ShortResource,
  pod: Pod,
  stats: PodStats | undefined,
  acting: readonly Threshold[],
  observations: Observations,
): string {
  const met = metOf(acting, observations, (signal) => resourceOf(signal) === resource);
  const threshold = met ? `Threshold quantity: ${amount(met.amount)}, available: ${amount(met.observed.available)}. ` : '';
  const consumers = (stats?.containers ?? []).map((container) => consumer(resource, pod, container));
  return `The node was low on resource: ${resource}. ${threshold}${consumers.join('')}`;
}

function consumer(resource: ShortResource, pod: Pod, stats: ContainerStats): string {
  const usage = containerUsage(resource, stats);
  const container = allContainers(pod).find(({ name }) => name === stats.name);
  const request = Quantity.parse(container?.resources?.requests?.[resource] ?? '0');
  if (!container || usage === undefined || usage <= request.value()) return '';
  return `Container ${stats.name} was using ${amount(usage)}, request is ${request}, has larger consumption of ${resource}. `;
}

/** Undefined where the figures don't tell, as of inodes and processes. */
function containerUsage(resource: ShortResource, { memory, rootfs, logs }: ContainerStats): bigint | undefined {
  if (resource === 'memory') return memory?.workingSetBytes === undefined ? undefined : whole(memory.workingSetBytes);
  if (resource !== 'ephemeral-storage' || rootfs?.usedBytes === undefined || logs?.usedBytes === undefined) return undefined;
  return whole(rootfs.usedBytes) + whole(logs.usedBytes);
}

function amount(units: bigint): string {
  return Quantity.of(units, 'BinarySI').toString();
}
