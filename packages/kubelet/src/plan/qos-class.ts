import type { Pod, PodStatus, ResourceRequirements } from '@berth/api/objects';
import type { Quantity } from '@berth/api/quantity';
import { resourceContainers, specOf } from '../pod.ts';
import { amountOf } from './amounts.ts';

const resources = ['cpu', 'memory'] as const;

/**
 * The pod's quality-of-service class: Guaranteed if every container has requests equal to limits, BestEffort if none has any. Of a pod
 * with resources of its own only these count.
 */
export function qosClassOf(pod: Pod): NonNullable<PodStatus['qosClass']> {
  const own = specOf(pod).resources;
  const all = own?.requests || own?.limits ? [own] : resourceContainers(pod).map((container) => container.resources ?? {});
  if (all.every((each) => resources.every((name) => !amount(each, 'requests', name) && !amount(each, 'limits', name)))) return 'BestEffort';
  return all.every(isGuaranteed) ? 'Guaranteed' : 'Burstable';
}

function isGuaranteed(requirements: ResourceRequirements): boolean {
  return resources.every((name) => {
    const limit = amount(requirements, 'limits', name);
    const request = amount(requirements, 'requests', name);
    return limit !== undefined && (request === undefined || request.compare(limit) === 0);
  });
}

/** A quantity of zero counts as absent. */
function amount(requirements: ResourceRequirements, kind: 'requests' | 'limits', name: string): Quantity | undefined {
  const quantity = amountOf(requirements, kind, name);
  return quantity?.isZero() ? undefined : quantity;
}
