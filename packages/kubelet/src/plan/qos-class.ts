import type { Container, Pod, PodStatus } from '@berth/api/objects';
import { Quantity } from '@berth/api/quantity';
import { resourceContainers } from '../pod.ts';

const resources = ['cpu', 'memory'] as const;

/** The pod's quality-of-service class: Guaranteed if every container has requests equal to limits, BestEffort if none has any. */
export function qosClassOf(pod: Pod): NonNullable<PodStatus['qosClass']> {
  const containers = resourceContainers(pod);
  if (
    containers.every((container) => resources.every((name) => !amount(container, 'requests', name) && !amount(container, 'limits', name)))
  ) {
    return 'BestEffort';
  }
  return containers.every(isGuaranteed) ? 'Guaranteed' : 'Burstable';
}

function isGuaranteed(container: Container): boolean {
  return resources.every((name) => {
    const limit = amount(container, 'limits', name);
    const request = amount(container, 'requests', name);
    return limit !== undefined && (request === undefined || request.compare(limit) === 0);
  });
}

/** A quantity of zero counts as absent. */
function amount(container: Container, kind: 'requests' | 'limits', name: string): Quantity | undefined {
  const text = container.resources?.[kind]?.[name];
  const quantity = text === undefined ? undefined : Quantity.tryParse(text as string | number);
  return quantity instanceof Quantity && !quantity.isZero() ? quantity : undefined;
}
