import type { Pod } from '@berth/api/objects';
import type { Action } from '../src/plan/action.ts';
import { defaultBackOff, failureAfter } from '../src/plan/back-off.ts';
import { definitionHash } from '../src/plan/definition-hash.ts';
import { failureKey } from '../src/plan/failure-key.ts';
import type { ContainerInstance, ObservedPod } from '../src/plan/observed-pod.ts';
import { findContainer } from '../src/pod.ts';
import { rememberSuccess } from '../src/pod-workers/observed-changes.ts';
import { instance, now } from './observed-pod.ts';

/** What an action does to the world, or what its failure leaves behind. Time stands still. */
export function happen(world: ObservedPod, pod: Pod, action: Action, succeeds: boolean): void {
  if (!succeeds) {
    fail(world, action);
    return;
  }
  delete world.failures[failureKey(action)];
  rememberSuccess(world, action);
  switch (action.kind) {
    case 'run-sandbox':
      world.sandboxes.unshift({ id: `new-${action.attempt}`, attempt: action.attempt, ready: true, createdAt: now, ips: [] });
      break;
    case 'stop-sandbox':
      for (const sandbox of world.sandboxes) if (sandbox.id === action.sandboxId) sandbox.ready = false;
      stop(world, ({ sandboxId }) => sandboxId === action.sandboxId);
      break;
    case 'remove-sandbox':
      world.sandboxes = world.sandboxes.filter(({ id }) => id !== action.sandboxId);
      world.containers = world.containers.filter(({ sandboxId }) => sandboxId !== action.sandboxId);
      break;
    case 'check-image':
      world.images = { ...world.images, [action.image]: { present: true, checkedAt: now } };
      break;
    case 'start-container':
      start(world, pod, action);
      break;
    case 'stop-containers':
      stop(world, ({ id }) => action.containers.some((container) => container.id === id));
      break;
    case 'refresh-volumes':
      world.volumesStale = false;
      break;
    case 'resize-container':
      for (const each of world.containers) if (each.id === action.containerId) each.resources = action.resources;
      break;
    case 'remove-container':
      world.containers = world.containers.filter(({ id }) => id !== action.containerId);
  }
}

function fail(world: ObservedPod, action: Action): void {
  const reason = action.kind === 'start-container' && action.pull ? 'ErrImagePull' : 'Failed';
  const outcome = { reason, message: 'why', transient: false };
  world.failures[failureKey(action)] = failureAfter(world.failures[failureKey(action)], outcome, now, defaultBackOff);
  if (action.kind === 'start-container') world.images = {};
}

function start(world: ObservedPod, pod: Pod, action: Extract<Action, { kind: 'start-container' }>): void {
  const container = findContainer(pod, action.container);
  if (!container) throw new Error(`the pod has no container ${action.container}`);
  world.images = {};
  if (action.restartDelayMs !== undefined) world.restartDelays[action.container] = { delayMs: action.restartDelayMs, setAt: now };
  const { attempt, sandboxId, createdId } = action;
  world.containers = world.containers.filter(({ id }) => id !== createdId);
  world.containers.unshift(
    instance(action.container, {
      id: createdId ?? `${action.container}-${attempt}-${world.containers.length}`,
      attempt,
      sandboxId,
      createdAt: now,
      startedAt: now,
      definition: definitionHash(container),
      resources: container.resources ?? {},
    }),
  );
}

function stop(world: ObservedPod, concerned: (instance: ContainerInstance) => boolean): void {
  for (const each of world.containers) {
    if (concerned(each) && each.state !== 'exited') Object.assign(each, { state: 'exited', exitCode: 137, finishedAt: now });
  }
}
