import type { Container, Pod } from '@berth/api/objects';
import { allContainers, findContainer, gracePeriodOf, specOf } from '../pod.ts';
import type { Action } from './action.ts';
import { type BackOff, retryAt } from './back-off.ts';
import { planStart } from './container-start.ts';
import { currentSandbox, instancesOf, isDone, isInitContainer } from './instances.ts';
import type { ObservedPod, Sandbox } from './observed-pod.ts';
import type { Steps } from './steps.ts';
import { earlier, type Wait } from './wait.ts';

/** A pod whose sandbox is ready: init containers one after the other, then all others; and what may be tidied up. */
export function planContainers(pod: Pod, observed: ObservedPod, now: Date, backOff: BackOff): Steps {
  const sandbox = currentSandbox(observed);
  if (!sandbox) return { actions: [] };
  const lost = planLost(pod, observed, sandbox, now);
  if (lost.length > 0) return { actions: lost };
  const due = nextInitContainer(pod, observed, sandbox);
  const startable = due ? [due] : specOf(pod).containers;
  const starts = planStarts(pod, startable, observed, sandbox, now, backOff);
  return { ...starts, actions: [...starts.actions, ...planOldSandboxes(observed, sandbox, now), ...planOldInstances(pod, observed, now)] };
}

function planStarts(pod: Pod, containers: Container[], observed: ObservedPod, sandbox: Sandbox, now: Date, backOff: BackOff): Steps {
  const actions: Action[] = [];
  const waits: Record<string, Wait> = {};
  let wakeAt: Date | undefined;
  for (const container of containers) {
    if (isRunning(observed, container, sandbox) || (!isInitContainer(pod, container) && isDone(pod, container, observed))) continue;
    if (isBeingPulled(pod, container, actions)) continue;
    const start = planStart(container, observed, sandbox, now, backOff);
    actions.push(...start.actions.filter((action) => !actions.some((planned) => isSameCheck(planned, action))));
    if (start.wait) waits[container.name] = start.wait;
    wakeAt = earlier(wakeAt, start.wakeAt);
  }
  return { actions, waits, wakeAt };
}

/** The first init container that hasn't succeeded in this sandbox. Once another container has started, none has to run again. */
function nextInitContainer(pod: Pod, observed: ObservedPod, sandbox: Sandbox): Container | undefined {
  const { initContainers = [], containers } = specOf(pod);
  const here = (container: Container) => instancesOf(observed, container.name).filter((instance) => instance.sandboxId === sandbox.id);
  if (containers.some((container) => here(container).some((instance) => instance.state !== 'created'))) return undefined;
  return initContainers.find((container) => {
    const [newest] = here(container);
    return newest?.state !== 'exited' || newest.exitCode !== 0;
  });
}

function isRunning(observed: ObservedPod, container: Container, sandbox: Sandbox): boolean {
  return instancesOf(observed, container.name).some((instance) => instance.state === 'running' && instance.sandboxId === sandbox.id);
}

/** Instances of which the runtime doesn't know whether they run are stopped, so that none runs twice. */
function planLost(pod: Pod, observed: ObservedPod, sandbox: Sandbox, now: Date): Action[] {
  const lost = observed.containers.filter((instance) => instance.state === 'unknown' && instance.sandboxId === sandbox.id);
  if (lost.length === 0) return [];
  const containers = lost.map(({ id, name }) => ({ id, name }));
  const stop: Action = {
    kind: 'stop-containers',
    containers,
    gracePeriodSeconds: gracePeriodOf(pod),
    reason: 'Container is in unknown state',
  };
  return retryAt(observed, stop, now) ? [] : [stop];
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
