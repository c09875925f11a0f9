import type { Container, Pod } from '@berth/api/objects';
import { Quantity } from '@berth/api/quantity';
import { qosClassOf } from '../plan/qos-class.ts';
import { mostAtOnce } from '../pod-demand.ts';

/** How many CPUs a container is to have for itself: those it requests, if the pod is Guaranteed and they are a whole number; else 0. */
export function exclusiveCpus(pod: Pod, container: Container): number {
  if (qosClassOf(pod) !== 'Guaranteed') return 0;
  const cpu = Quantity.parse(container.resources?.requests?.cpu ?? container.resources?.limits?.cpu ?? '0');
  return cpu.milliValue() % 1000n === 0n ? Number(cpu.value()) : 0;
}

/** How many CPUs the pod needs at one time. */
export function exclusivePodCpus(pod: Pod): number {
  return mostAtOnce(pod, (container) => exclusiveCpus(pod, container));
}
