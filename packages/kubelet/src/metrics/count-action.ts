import type { Pod } from '@berth/api/objects';
import type { Action } from '../plan/action.ts';
import { specOf } from '../pod.ts';
import type { ContainerStarts, ContainerType } from './container-starts.ts';

/** Counts a start of a sandbox or a container. `code`: why it failed, as the pod's status says it; undefined: it didn't. */
export function countStart(starts: ContainerStarts, pod: Pod, action: Action, code: string | undefined): void {
  if (action.kind === 'run-sandbox') starts.sandbox(code);
  else if (action.kind === 'start-container') starts.container(typeOf(pod, action.container), code);
}

function typeOf(pod: Pod, name: string): ContainerType {
  const { initContainers = [], ephemeralContainers = [] } = specOf(pod);
  if (initContainers.some((container) => container.name === name)) return 'init_container';
  return ephemeralContainers.some((container) => container.name === name) ? 'ephemeral_container' : 'container';
}
