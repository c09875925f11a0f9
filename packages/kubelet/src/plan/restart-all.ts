import type { Container, Pod, PodCondition } from '@berth/api/objects';
import { resourceContainers } from '../pod.ts';
import type { Action, StopContainers } from './action.ts';
import { retryAt } from './back-off.ts';
import { currentSandbox, instancesOf } from './instances.ts';
import type { ContainerInstance, ObservedPod } from './observed-pod.ts';
import { consequenceOf } from './restart-policy.ts';

/** Whether all containers are being restarted. */
export const restartAllCondition = 'AllContainersRestarting';

/**
 * The restart of all containers in place, where one has ended with an exit code whose rule says RestartAllContainers: those that run are
 * stopped without ado, all are removed, and the pod starts over in its sandbox from the first init container. The one that asked for it
 * is removed last, so that a restart of the kubelet in between changes nothing. Undefined: nobody asked.
 */
export function planRestartAll(pod: Pod, observed: ObservedPod, now: Date): Action[] | undefined {
  const asking = instanceThatRestartsAll(pod, observed);
  if (!asking) return undefined;
  const alive = observed.containers.filter(({ state }) => state === 'running' || state === 'unknown');
  const others = observed.containers.filter((instance) => instance !== asking);
  const actions: Action[] = alive.length > 0 ? [stopAll(alive)] : (others.length > 0 ? others : [asking]).map(removalOf);
  return actions.filter((action) => !retryAt(observed, action, now));
}

/** What the pod's conditions say of it: nothing in a pod that has never restarted all of its containers. */
export function restartAllVerdict(pod: Pod, observed: ObservedPod): [type: string, verdict: Pick<PodCondition, 'status'>][] {
  if (instanceThatRestartsAll(pod, observed)) return [[restartAllCondition, { status: 'True' }]];
  const before = observed.previous?.conditions?.some(({ type }) => type === restartAllCondition);
  return before ? [[restartAllCondition, { status: 'False' }]] : [];
}

/** The ended instance whose exit code makes all containers restart. */
function instanceThatRestartsAll(pod: Pod, observed: ObservedPod): ContainerInstance | undefined {
  const sandbox = currentSandbox(observed);
  const ended = ({ name }: Container) => {
    const [newest] = instancesOf(observed, name);
    return newest?.state === 'exited' && newest.sandboxId === sandbox?.id ? newest : undefined;
  };
  const asking = resourceContainers(pod).find((container) => {
    const newest = ended(container);
    return newest && consequenceOf(pod, container, newest.exitCode) === 'restart-all';
  });
  return asking && ended(asking);
}

function stopAll(alive: ContainerInstance[]): StopContainers {
  const containers = alive.map(({ id, name }) => ({ id, name, message: `Stopping container ${name} to restart all containers` }));
  return { kind: 'stop-containers', containers, gracePeriodSeconds: 0 };
}

function removalOf({ id, name }: ContainerInstance): Action {
  return { kind: 'remove-container', containerId: id, container: name };
}
