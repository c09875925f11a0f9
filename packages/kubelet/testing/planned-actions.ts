import type { Pod } from '@berth/api/objects';
import type { Action, StopContainers } from '../src/plan/action.ts';
import type { ObservedPod } from '../src/plan/observed-pod.ts';
import { plan } from '../src/plan.ts';
import { now } from './observed-pod.ts';

/** The planned actions as text: `start main#1`, `stop main-0 side-0 in 30`, `stop main-0, then sidecar-0 in 30`. */
export function plannedActions(pod: Pod, observed: ObservedPod, at = now): string[] {
  return plan(pod, observed, at).actions.map(textOf);
}

function textOf(action: Action): string {
  switch (action.kind) {
    case 'start-container':
      return `${action.pull ? 'pull and ' : ''}start ${action.createdId ?? `${action.container}#${action.attempt}`}`;
    case 'stop-containers':
      return `stop ${turnsOf(action).join(', then ')} in ${action.gracePeriodSeconds}`;
    case 'remove-container':
      return `remove ${action.containerId}`;
    case 'run-sandbox':
      return `run-sandbox#${action.attempt}`;
    case 'check-image':
      return `check-image ${action.image}`;
    default:
      return 'sandboxId' in action ? `${action.kind} ${action.sandboxId}` : action.kind;
  }
}

function turnsOf({ containers }: StopContainers): string[] {
  const turns = Map.groupBy(containers, ({ turn = 0 }) => turn);
  return [...turns.values()].map((each) => each.map(({ id }) => id).join(' '));
}
