import type { Container, Pod } from '@berth/api/objects';
import { Quantity } from '@berth/api/quantity';
import { qosClassOf } from '../plan/qos-class.ts';
import { specOf } from '../pod.ts';

/** How many CPUs a container is to have for itself: those it requests, if the pod is Guaranteed and they are a whole number; else 0. */
export function exclusiveCpus(pod: Pod, container: Container): number {
  if (qosClassOf(pod) !== 'Guaranteed') return 0;
  const cpu = Quantity.parse(container.resources?.requests?.cpu ?? container.resources?.limits?.cpu ?? '0');
  return cpu.milliValue() % 1000n === 0n ? Number(cpu.value()) : 0;
}

/** How many CPUs the pod needs at one time: an init container ends before the next one begins, a sidecar goes on. */
export function exclusivePodCpus(pod: Pod): number {
  const { initContainers = [], containers } = specOf(pod);
  let [sidecars, most] = [0, 0];
  for (const container of initContainers) {
    const cpus = exclusiveCpus(pod, container);
    if (isSidecar(pod, container)) sidecars += cpus;
    else most = Math.max(most, sidecars + cpus);
  }
  return Math.max(most, sidecars + containers.reduce((sum, container) => sum + exclusiveCpus(pod, container), 0));
}

/** Whether the container ends before the pod's others begin, so that they may have what it had. */
export function endsBeforeOthers(pod: Pod, container: Container): boolean {
  return (specOf(pod).initContainers ?? []).includes(container) && !isSidecar(pod, container);
}

function isSidecar(pod: Pod, container: Container): boolean {
  return container.restartPolicy === 'Always' && (specOf(pod).initContainers ?? []).includes(container);
}
