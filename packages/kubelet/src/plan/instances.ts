import type { Container, ContainerStatus, Pod } from '@berth/api/objects';
import { findStatus } from '../pod.ts';
import type { ContainerInstance, ObservedPod, Sandbox } from './observed-pod.ts';
import { consequenceOf } from './restart-policy.ts';

/** The instances of one container, newest first. */
export function instancesOf(observed: ObservedPod, name: string): ContainerInstance[] {
  return observed.containers.filter((instance) => instance.name === name);
}

/** The sandbox that the pod's containers belong into: the newest, if it is ready. */
export function currentSandbox(observed: ObservedPod): Sandbox | undefined {
  const [newest] = observed.sandboxes;
  return newest?.ready ? newest : undefined;
}

/** The end of a container, from its newest instance, or as it was told last if the runtime forgot it. */
interface End {
  exitCode: number;
  finishedAt: Date;
}

/** How the container ended; undefined if it runs or never ran. */
export function endOf(observed: ObservedPod, name: string): End | undefined {
  const [newest] = instancesOf(observed, name);
  if (newest)
    return newest.state === 'exited' ? { exitCode: newest.exitCode, finishedAt: newest.finishedAt ?? newest.createdAt } : undefined;
  const told = toldStatus(observed, name);
  const terminated = told?.state?.terminated ?? (told?.state?.waiting ? told.lastState?.terminated : undefined);
  if (terminated) return { exitCode: terminated.exitCode, finishedAt: new Date(terminated.finishedAt ?? 0) };
  // It ran when it was last seen, and the runtime doesn't know it any more.
  return told?.state?.running ? { exitCode: 137, finishedAt: new Date(told.state.running.startedAt ?? 0) } : undefined;
}

/** What was told of the container last. */
export function toldStatus(observed: ObservedPod, name: string): ContainerStatus | undefined {
  return findStatus(observed.previous, name);
}

/** The attempt number of the next instance. */
export function nextAttempt(observed: ObservedPod, name: string): number {
  const [newest] = instancesOf(observed, name);
  if (newest) return newest.attempt + 1;
  const told = toldStatus(observed, name);
  return told?.containerID ? told.restartCount + 1 : 0;
}

/** Whether a container that doesn't run has done all that it ever will. */
export function isDone(pod: Pod, container: Container, observed: ObservedPod): boolean {
  const end = endOf(observed, container.name);
  return end !== undefined && !isOwedRestart(observed, container.name) && consequenceOf(pod, container, end.exitCode) === 'none';
}

/** Whether the node itself ended the newest instance, in order to start the next one. */
function isOwedRestart(observed: ObservedPod, name: string): boolean {
  const [newest] = instancesOf(observed, name);
  return newest !== undefined && observed.owedRestarts?.[newest.id] === true;
}

/** The newest instance that runs in this sandbox. */
export function runningInstance(observed: ObservedPod, name: string, sandbox: Sandbox): ContainerInstance | undefined {
  return instancesOf(observed, name).find((instance) => instance.state === 'running' && instance.sandboxId === sandbox.id);
}

/** Whether a running instance has started up: its startup probe, if it has one, has succeeded. */
export function isStarted(observed: ObservedPod, { id }: ContainerInstance): boolean {
  return observed.probes?.[id]?.started ?? true;
}
