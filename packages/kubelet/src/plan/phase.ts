import type { ContainerStatus, Pod, PodStatus } from '@berth/api/objects';
import { sidecarsOf } from '../pod.ts';

/** `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`. */
export type Phase = NonNullable<PodStatus['phase']>;

/** What the phase is made of besides the pod itself. */
interface PhaseFacts {
  init: ContainerStatus[];
  containers: ContainerStatus[];
  /** The pod has ended and left nothing behind. */
  ended: boolean;
  /** Whether a container that doesn't run has done all that it ever will. */
  isDone(name: string): boolean;
}

/** The pod's phase from the states of its containers (kubelet's getPhase). Sidecars keep it Running, and never decide how it ended. */
export function phaseOf(pod: Pod, { init, containers, ended, isDone }: PhaseFacts): Phase {
  if (ended) return containers.length > 0 && containers.every(succeeded) ? 'Succeeded' : 'Failed';
  const sidecars = new Set(sidecarsOf(pod).map(({ name }) => name));
  const sequential = init.filter(({ name }) => !sidecars.has(name));
  if (sequential.some((status) => status.state?.terminated && !succeeded(status) && isDone(status.name))) return 'Failed';
  if (!containers.some(wasStarted) && init.some((status) => (sidecars.has(status.name) ? !wasStarted(status) : !succeeded(status)))) {
    return 'Pending';
  }
  if (containers.some((container) => !wasStarted(container))) return 'Pending';
  const runs = [...containers, ...init.filter(({ name }) => sidecars.has(name))].some(({ state }) => state?.running);
  const stopped = containers.filter(({ state }) => !state?.running);
  if (runs || stopped.some(({ name, state }) => state?.waiting || !isDone(name))) return 'Running';
  return stopped.every(succeeded) ? 'Succeeded' : 'Failed';
}

function succeeded({ state }: ContainerStatus): boolean {
  return state?.terminated?.exitCode === 0;
}

/** A container that waits for its restart counts as started. */
function wasStarted({ state, lastState }: ContainerStatus): boolean {
  return state?.running !== undefined || state?.terminated !== undefined || lastState?.terminated !== undefined;
}
