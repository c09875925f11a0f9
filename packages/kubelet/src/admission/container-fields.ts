import type { Container, Pod } from '@berth/api/objects';
import { specOf } from '../pod.ts';

/** Every container with its path in the pod, init containers first. */
export function containerFields(pod: Pod): [Container, string][] {
  const { initContainers = [], containers, ephemeralContainers = [] } = specOf(pod);
  return [
    ...initContainers.map((container, index): [Container, string] => [container, `spec.initContainers[${index}]`]),
    ...containers.map((container, index): [Container, string] => [container, `spec.containers[${index}]`]),
    ...ephemeralContainers.map((container, index): [Container, string] => [container, `spec.ephemeralContainers[${index}]`]),
  ];
}
