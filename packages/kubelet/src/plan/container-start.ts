import type { Container, EphemeralContainer } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { parseReference } from '@berth/sdk/image-reference';
import type { Action, StartContainer } from './action.ts';
import { type BackOff, failureOf, nextRestartDelay, pullErrorShownMs, restartDueAt, retryAt } from './back-off.ts';
import { definitionHash } from './definition-hash.ts';
import { endOf, instancesOf, nextAttempt, runningInstance } from './instances.ts';
import type { ObservedPod, Sandbox } from './observed-pod.ts';
import type { Wait } from './wait.ts';

/** What the planner says of one container that isn't running. */
interface ContainerPlan {
  actions: Action[];
  wait?: Wait;
  wakeAt?: Date;
}

/** The way of a container that has to run, up to StartContainer: its image's name, restart back-off, failed tries, image, start. */
export function planStart(container: Container, observed: ObservedPod, sandbox: Sandbox, now: Date, backOff: BackOff): ContainerPlan {
  return (
    waitForTarget(container, observed, sandbox) ??
    refuseName(container) ??
    waitForRestart(container, observed, now, backOff) ??
    waitAfterFailure(container, observed, now) ??
    startCreated(container, observed, sandbox, backOff) ??
    withImage(container, observed, sandbox, now, backOff)
  );
}

/** An ephemeral container that is to see the processes of another one starts once that runs. */
function waitForTarget(
  { targetContainerName: name }: EphemeralContainer,
  observed: ObservedPod,
  sandbox: Sandbox,
): ContainerPlan | undefined {
  if (!name || runningInstance(observed, name, sandbox)) return undefined;
  return { actions: [], wait: { reason: 'CreateContainerConfigError', message: `unable to find target container ${name}` } };
}

function waitForRestart(container: Container, observed: ObservedPod, now: Date, backOff: BackOff): ContainerPlan | undefined {
  const end = endOf(observed, container.name);
  if (!end || isRedefined(container, observed)) return undefined;
  const delay = observed.restartDelays[container.name];
  const due = restartDueAt(delay, end.finishedAt, backOff);
  if (due <= now) return undefined;
  const message = `back-off ${formatDelay(delay?.delayMs ?? 0)} restarting failed container=${container.name}`;
  return { actions: [], wait: { reason: 'CrashLoopBackOff', message }, wakeAt: due };
}

/** What an old definition did is no reason to wait with a new one. */
function isRedefined(container: Container, observed: ObservedPod): boolean {
  const [newest] = instancesOf(observed, container.name);
  return newest?.definition !== undefined && newest.definition !== definitionHash(container);
}

function waitAfterFailure(container: Container, observed: ObservedPod, now: Date): ContainerPlan | undefined {
  const start = { kind: 'start-container', container: container.name } as const;
  const failure = failureOf(observed, start);
  const due = retryAt(observed, start, now);
  if (!failure || !due) return undefined;
  const { reason, message } = failure;
  if (reason !== 'ErrImagePull') return { actions: [], wait: { reason, message }, wakeAt: due };
  const backsOffAt = new Date(failure.at.getTime() + pullErrorShownMs);
  if (now < backsOffAt) return { actions: [], wait: { reason, message }, wakeAt: backsOffAt < due ? backsOffAt : due };
  const backingOff = `Back-off pulling image ${JSON.stringify(container.image)}: ErrImagePull: ${message}`;
  return { actions: [], wait: { reason: 'ImagePullBackOff', message: backingOff }, wakeAt: due };
}

/** A name that is none is asked for nowhere (kubelet: images/image_manager.go, applyDefaultImageTag). */
function refuseName({ image = '' }: Container): ContainerPlan | undefined {
  try {
    parseReference(image);
    return undefined;
  } catch (thrown) {
    const message = `Failed to apply default image tag ${JSON.stringify(image)}: ${PluginError.from(thrown).message}`;
    return { actions: [], wait: { reason: 'InvalidImageName', message } };
  }
}

/**
 * A kubelet that was killed, or that waited no longer, leaves instances that are made and not started, or whose start goes on: with a new one
 * beside it a container would run twice. Those that can't be started end as exited, and get a successor.
 */
function startCreated(container: Container, observed: ObservedPod, sandbox: Sandbox, backOff: BackOff): ContainerPlan | undefined {
  const [newest] = instancesOf(observed, container.name);
  if (newest?.state !== 'created' || newest.sandboxId !== sandbox.id || isRedefined(container, observed)) return undefined;
  const start = startAction(container, observed, sandbox, false, backOff);
  return { actions: [{ ...start, attempt: newest.attempt, createdId: newest.id }] };
}

/** Always pulls; IfNotPresent pulls what isn't there; Never refuses what isn't there. */
function withImage(container: Container, observed: ObservedPod, sandbox: Sandbox, now: Date, backOff: BackOff): ContainerPlan {
  const image = container.image ?? '';
  const start = (pull: boolean): ContainerPlan => ({ actions: [startAction(container, observed, sandbox, pull, backOff)] });
  if (container.imagePullPolicy === 'Always') return start(true);
  const known = observed.images[image];
  if (known?.present) return start(false);
  const never = container.imagePullPolicy === 'Never';
  const recheckAt = known && new Date(known.checkedAt.getTime() + backOff.syncErrorMs);
  if (!recheckAt || (never && recheckAt <= now)) return lookForImage(image, observed, now);
  if (!never) return start(true);
  const message = `Container image ${JSON.stringify(image)} is not present with pull policy of Never`;
  return { actions: [], wait: { reason: 'ErrImageNeverPull', message }, wakeAt: recheckAt };
}

function lookForImage(image: string, observed: ObservedPod, now: Date): ContainerPlan {
  const check = { kind: 'check-image', image } as const;
  const due = retryAt(observed, check, now);
  if (!due) return { actions: [check] };
  return { actions: [], wait: { reason: 'ImageInspectError', message: failureOf(observed, check)?.message }, wakeAt: due };
}

function startAction(container: Container, observed: ObservedPod, sandbox: Sandbox, pull: boolean, backOff: BackOff): StartContainer {
  const end = endOf(observed, container.name);
  return {
    kind: 'start-container',
    container: container.name,
    attempt: nextAttempt(observed, container.name),
    sandboxId: sandbox.id,
    sandboxAttempt: sandbox.attempt,
    podIPs: sandbox.ips,
    pull,
    ...targetOf(container, observed, sandbox),
    ...(end && { restartDelayMs: nextRestartDelay(observed.restartDelays[container.name], end.finishedAt, backOff) }),
  };
}

function targetOf(container: EphemeralContainer, observed: ObservedPod, sandbox: Sandbox): Pick<StartContainer, 'targetId'> {
  const { targetContainerName: name } = container;
  const target = name && runningInstance(observed, name, sandbox);
  return target ? { targetId: target.id } : {};
}

function formatDelay(ms: number): string {
  const seconds = ms / 1000;
  const minutes = Math.floor(seconds / 60);
  return minutes > 0 ? `${minutes}m${seconds % 60}s` : `${seconds}s`;
}
