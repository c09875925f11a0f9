import type { Container, Pod } from '@berth/api/objects';
import { sidecarsOf, specOf } from '../pod.ts';
import { instancesOf, isStarted, runningInstance } from './instances.ts';
import type { ContainerInstance, ObservedPod, Sandbox } from './observed-pod.ts';

/**
 * The containers that should run or be started now. Init containers come one after the other: the next one once this one has succeeded
 * or, for a sidecar, has started up; after them all others. Once one of those has begun, only sidecars among the init containers count.
 */
export function containersDue(pod: Pod, observed: ObservedPod, sandbox: Sandbox): Container[] {
  const { initContainers = [], containers } = specOf(pod);
  const sidecars = sidecarsOf(pod);
  if (containers.some(({ name }) => instancesIn(sandbox, observed, name).some(({ state }) => state !== 'created'))) {
    return [...sidecars, ...containers];
  }
  const blocking = initContainers.findIndex((container) =>
    sidecars.includes(container) ? !hasStarted(container, observed, sandbox) : !hasSucceeded(container, observed, sandbox),
  );
  if (blocking < 0) return [...sidecars, ...containers];
  return initContainers.filter((container, index) => index === blocking || (index < blocking && sidecars.includes(container)));
}

function hasStarted({ name }: Container, observed: ObservedPod, sandbox: Sandbox): boolean {
  const running = runningInstance(observed, name, sandbox);
  return running !== undefined && isStarted(observed, running);
}

function hasSucceeded({ name }: Container, observed: ObservedPod, sandbox: Sandbox): boolean {
  const [newest] = instancesIn(sandbox, observed, name);
  return newest?.state === 'exited' && newest.exitCode === 0;
}

function instancesIn(sandbox: Sandbox, observed: ObservedPod, name: string): ContainerInstance[] {
  return instancesOf(observed, name).filter(({ sandboxId }) => sandboxId === sandbox.id);
}
