import type { Container, Pod } from '@berth/api/objects';
import { allContainers, findContainer, isInitContainer, specOf } from '../pod.ts';
import type { Action } from './action.ts';
import { type BackOff, retryAt } from './back-off.ts';
import { planStart } from './container-start.ts';
import { currentSandbox, instancesOf, isDone, nextAttempt, runningInstance } from './instances.ts';
import type { ObservedPod, Sandbox } from './observed-pod.ts';
import { planResizes } from './resizes.ts';
import { planRestartAll } from './restart-all.ts';
import { containersDue } from './start-order.ts';
import type { Steps } from './steps.ts';
import { planStops } from './stops.ts';
import { earlier, type Wait } from './wait.ts';

/** A pod whose sandbox is ready: what may not run on is stopped, then what is due is resized or started; and what may be tidied up. */
export function planContainers(pod: Pod, observed: ObservedPod, now: Date, backOff: BackOff): Steps {
  const sandbox = currentSandbox(observed);
  if (!sandbox) return { actions: [] };
  const restartAll = planRestartAll(pod, observed, now);
  if (restartAll) return { actions: restartAll };
  const stops = planStops(pod, observed, sandbox, now);
  if (stops.length > 0) return { actions: stops };
  const due = [...newEphemeralContainers(pod, observed), ...unfinished(pod, containersDue(pod, observed, sandbox), observed)];
  const resizes = planResizes(pod, observed, sandbox, now);
  const starts = planStarts(pod, due, observed, sandbox, now, backOff);
  const tidying = [...planOldSandboxes(observed, sandbox, now), ...planOldInstances(pod, observed, now)];
  return { ...starts, wakeAt: earlier(starts.wakeAt, resizes.wakeAt), actions: [...resizes.actions, ...starts.actions, ...tidying] };
}

/** An ephemeral container is started once, whatever the others do. */
function newEphemeralContainers(pod: Pod, observed: ObservedPod): Container[] {
  return (specOf(pod).ephemeralContainers ?? []).filter(
    ({ name }) => nextAttempt(observed, name) === 0 || instancesOf(observed, name)[0]?.state === 'created',
  );
}

/** Init containers that are due have to run, even if they have succeeded before, in another sandbox. */
function unfinished(pod: Pod, containers: Container[], observed: ObservedPod): Container[] {
  return containers.filter((container) => isInitContainer(pod, container) || !isDone(pod, container, observed));
}

function planStarts(pod: Pod, containers: Container[], observed: ObservedPod, sandbox: Sandbox, now: Date, backOff: BackOff): Steps {
  const actions: Action[] = [];
  const waits: Record<string, Wait> = {};
  let wakeAt: Date | undefined;
  for (const container of containers) {
    if (runningInstance(observed, container.name, sandbox)) continue;
    if (isBeingPulled(pod, container, actions)) continue;
    const start = planStart(container, observed, sandbox, now, backOff);
    actions.push(...start.actions.filter((action) => !actions.some((planned) => isSameCheck(planned, action))));
    if (start.wait) waits[container.name] = start.wait;
    wakeAt = earlier(wakeAt, start.wakeAt);
  }
  return { actions, waits, wakeAt };
}

function planOldSandboxes(observed: ObservedPod, current: Sandbox, now: Date): Action[] {
  const old = observed.sandboxes.filter((sandbox) => sandbox.id !== current.id);
  const actions = old.flatMap(({ id, ready }): Action[] => [
    ...(ready ? [{ kind: 'stop-sandbox', sandboxId: id } as const] : []),
    { kind: 'remove-sandbox', sandboxId: id },
  ]);
  return actions.filter((action) => !retryAt(observed, action, now));
}

function planOldInstances(pod: Pod, observed: ObservedPod, now: Date): Action[] {
  return allContainers(pod).flatMap((container) => planRemoval(container, observed, now));
}

/** Dead instances that nobody needs: all but the newest, and the newest dead one below a living one. */
function planRemoval(container: Container, observed: ObservedPod, now: Date): Action[] {
  const instances = instancesOf(observed, container.name);
  const kept = instances[0]?.state === 'exited' ? 1 : 2;
  return instances
    .slice(kept)
    .filter((instance) => instance.state !== 'running')
    .map((instance): Action => ({ kind: 'remove-container', containerId: instance.id, container: container.name }))
    .filter((action) => !retryAt(observed, action, now));
}

function isSameCheck(a: Action, b: Action): boolean {
  return a.kind === 'check-image' && b.kind === 'check-image' && a.image === b.image;
}

/** An image that another container has just pulled is there in the next round, unless each start has to pull. */
function isBeingPulled(pod: Pod, container: Container, actions: Action[]): boolean {
  if (container.imagePullPolicy === 'Always') return false;
  return actions.some(
    (action) => action.kind === 'start-container' && action.pull && findContainer(pod, action.container)?.image === container.image,
  );
}
