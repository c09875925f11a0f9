import type { Container, Pod } from '@berth/api/objects';
import { isInitContainer, resourceContainers, specOf } from './pod.ts';

/** Whether the container ends before the pod's others begin, so that they may have what it had. */
export function endsBeforeOthers(pod: Pod, container: Container): boolean {
  return isInitContainer(pod, container) && container.restartPolicy !== 'Always';
}

/** How much of something the pod needs at one time: an init container ends before the next one begins, a sidecar goes on. */
export function mostAtOnce(pod: Pod, amountOf: (container: Container) => number): number {
  const { initContainers = [], containers } = specOf(pod);
  let [sidecars, most] = [0, 0];
  for (const container of initContainers) {
    if (container.restartPolicy === 'Always') sidecars += amountOf(container);
    else most = Math.max(most, sidecars + amountOf(container));
  }
  return Math.max(most, sidecars + containers.reduce((sum, container) => sum + amountOf(container), 0));
}

/** The same for several things by name. */
export function mostOfEachAtOnce(pod: Pod, amountsOf: (container: Container) => ReadonlyMap<string, number>): Map<string, number> {
  const names = new Set(resourceContainers(pod).flatMap((container) => [...amountsOf(container).keys()]));
  return new Map([...names].map((name) => [name, mostAtOnce(pod, (container) => amountsOf(container).get(name) ?? 0)]));
}
