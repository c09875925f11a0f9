import type { Container, Pod, PodCondition } from '@berth/api/objects';
import { sidecarsOf, specOf } from '../pod.ts';
import type { ResizeContainer } from './action.ts';
import { changedAmounts } from './amounts.ts';
import { failureOf, retryAt } from './back-off.ts';
import { currentSandbox, runningInstance } from './instances.ts';
import type { ContainerInstance, ObservedPod, Sandbox } from './observed-pod.ts';
import { earlier } from './wait.ts';

/** The conditions that tell of a resize; a pod without one has neither. */
export const resizeConditions = ['PodResizePending', 'PodResizeInProgress'] as const;

/** Running containers whose resources aren't the ones that they have been given, and that need no restart for them. */
export function planResizes(pod: Pod, observed: ObservedPod, sandbox: Sandbox, now: Date): { actions: ResizeContainer[]; wakeAt?: Date } {
  const wanted = outgrown(pod, observed, sandbox)
    .filter(({ container, running }) => !needsRestart(container, running))
    .map(({ container, running }): ResizeContainer => resizeOf(container, running));
  const wakeAt = wanted.map((action) => retryAt(observed, action, now)).reduce(earlier, undefined);
  return { actions: wanted.filter((action) => !retryAt(observed, action, now)), ...(wakeAt && { wakeAt }) };
}

/** Whether a container is to be restarted for its new resources, by its resizePolicy. */
export function needsRestart({ resources, resizePolicy = [] }: Container, running: ContainerInstance): boolean {
  if (!running.resources) return false;
  const changed = changedAmounts(running.resources, resources);
  return resizePolicy.some(
    ({ resourceName, restartPolicy }) => restartPolicy === 'RestartContainer' && changed.some((name) => name === resourceName),
  );
}

/** What the pod's conditions say of a resize: that it waits for the node, or that it is being done, and why that fails. */
export function resizeVerdicts(
  pod: Pod,
  observed: ObservedPod,
): [type: string, verdict: Pick<PodCondition, 'status' | 'reason' | 'message'>][] {
  const { pendingResize } = observed;
  const sandbox = currentSandbox(observed);
  const underWay = sandbox ? outgrown(pod, observed, sandbox) : [];
  const failure = underWay.map(({ container, running }) => failureOf(observed, resizeOf(container, running))).find(Boolean);
  return [
    ...(pendingResize ? [[resizeConditions[0], { status: 'True', ...pendingResize }] as [string, PodCondition]] : []),
    ...(underWay.length > 0
      ? [[resizeConditions[1], { status: 'True', ...(failure && { reason: 'Error', message: failure.message }) }] as [string, PodCondition]]
      : []),
  ];
}

function outgrown(pod: Pod, observed: ObservedPod, sandbox: Sandbox): { container: Container; running: ContainerInstance }[] {
  return [...sidecarsOf(pod), ...specOf(pod).containers].flatMap((container) => {
    const running = runningInstance(observed, container.name, sandbox);
    return running?.resources && changedAmounts(running.resources, container.resources).length > 0 ? [{ container, running }] : [];
  });
}

function resizeOf({ name, resources = {} }: Container, { id, resources: before = {} }: ContainerInstance): ResizeContainer {
  return { kind: 'resize-container', containerId: id, container: name, before, resources };
}
