import type { Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { ActionFailure } from '../actions/action-failure.ts';
import type { Action, StartContainer } from '../plan/action.ts';
import { type BackOff, failureAfter, failureOf } from '../plan/back-off.ts';
import { type Fallible, failureKey } from '../plan/failure-key.ts';
import type { Failure, ObservedPod } from '../plan/observed-pod.ts';
import { findContainer } from '../pod.ts';

/** What is known of a pod before its runtime has been asked. */
export function unseenPod(pod: Pod, known: Pick<ObservedPod, 'handler' | 'hostIP' | 'refusal' | 'devicesPending'>): ObservedPod {
  return {
    ...known,
    sandboxes: [],
    containers: [],
    images: {},
    failures: {},
    restartDelays: {},
    directories: 'unknown',
    previous: pod.status,
  };
}

/** What an action that succeeded has changed, besides what the runtime tells. */
export function rememberSuccess(observed: ObservedPod, action: Action): void {
  if (action.kind === 'prepare') observed.directories = 'prepared';
  if (action.kind === 'clean-up') observed.directories = 'removed';
  if (action.kind === 'stop-containers') {
    const owed = action.containers.filter(({ restarts }) => restarts).map(({ id }) => [id, true]);
    observed.owedRestarts = { ...observed.owedRestarts, ...Object.fromEntries(owed) };
    const failed = action.containers.flatMap(({ id, failedProbe }) => (failedProbe ? [[id, failedProbe]] : []));
    observed.failedProbes = { ...observed.failedProbes, ...Object.fromEntries(failed) };
  }
}

/** What a start has changed, whether or not it succeeded. After a failure the image may be gone, or may have come. */
export function rememberStart(observed: ObservedPod, pod: Pod, { container, restartDelayMs }: StartContainer, now: Date): void {
  const image = findContainer(pod, container)?.image ?? '';
  if (failureOf(observed, { kind: 'start-container', container })) delete observed.images[image];
  else observed.images[image] = { present: true, checkedAt: now };
  if (restartDelayMs !== undefined) observed.restartDelays[container] = { delayMs: restartDelayMs, setAt: now };
}

/** How something failed, for the planner, and for whoever tells of it. */
export function rememberFailure(observed: ObservedPod, fallible: Fallible, thrown: unknown, now: Date, backOff: BackOff): Failure {
  const { message } = PluginError.from(thrown);
  const { reason, transient } = thrown instanceof ActionFailure ? thrown : { reason: 'FailedSync', transient: false };
  const failure = failureAfter(failureOf(observed, fallible), { reason, message, transient }, now, backOff);
  observed.failures[failureKey(fallible)] = failure;
  return failure;
}

/** What is remembered of instances that the runtime doesn't have any more goes. */
export function forgetGone(observed: ObservedPod): void {
  const there = new Set(observed.containers.map(({ id }) => id));
  observed.owedRestarts = ofThose(observed.owedRestarts, there);
  observed.failedProbes = ofThose(observed.failedProbes, there);
}

function ofThose<Value>(byId: Record<string, Value> | undefined, ids: ReadonlySet<string>): Record<string, Value> {
  return Object.fromEntries(Object.entries(byId ?? {}).filter(([id]) => ids.has(id)));
}
