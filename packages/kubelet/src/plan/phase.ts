import type { ContainerStatus, Pod, PodStatus } from '@berth/api/objects';
import { specOf } from '../pod.ts';

/** `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`. */
export type Phase = NonNullable<PodStatus['phase']>;

/** The pod's phase from the states of its containers (kubelet's getPhase). */
export function phaseOf(pod: Pod, init: ContainerStatus[], containers: ContainerStatus[], ended: boolean): Phase {
  if (ended) return containers.length > 0 && containers.every(({ state }) => state?.terminated?.exitCode === 0) ? 'Succeeded' : 'Failed';
  const policy = specOf(pod).restartPolicy ?? 'Always';
  const failedInit = init.some(({ state }) => state?.terminated && state.terminated.exitCode !== 0);
  if (failedInit && policy === 'Never') return 'Failed';
  if (init.some(({ state }) => state?.terminated?.exitCode !== 0) && !containers.some(wasStarted)) return 'Pending';
  if (containers.some((container) => !wasStarted(container))) return 'Pending';
  const running = containers.filter(({ state }) => state?.running);
  const stopped = containers.filter(({ state }) => !state?.running);
  if (running.length > 0 || policy === 'Always' || stopped.some(({ state }) => state?.waiting)) return 'Running';
  if (stopped.every(({ state }) => state?.terminated?.exitCode === 0)) return 'Succeeded';
  return policy === 'Never' ? 'Failed' : 'Running';
}

/** A container that waits for its restart counts as started. */
function wasStarted({ state, lastState }: ContainerStatus): boolean {
  return state?.running !== undefined || state?.terminated !== undefined || lastState?.terminated !== undefined;
}
