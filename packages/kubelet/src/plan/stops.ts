import type { Container, Pod } from '@berth/api/objects';
import { gracePeriodOf, sidecarsOf, specOf } from '../pod.ts';
import type { StopContainers } from './action.ts';
import { retryAt } from './back-off.ts';
import { definitionHash } from './definition-hash.ts';
import { runningInstance } from './instances.ts';
import type { ContainerInstance, FailedProbe, ObservedPod, Sandbox } from './observed-pod.ts';
import { needsRestart } from './resizes.ts';
import { restartsAfterStop } from './restart-policy.ts';

/** Why an instance of a pod that goes on is stopped. */
interface Cause {
  message: string;
  restarts: boolean;
  gracePeriodSeconds: number;
  failedProbe?: FailedProbe;
}

/** Instances that may not run on as they are, while their pod does: lost to the runtime, failed by a probe, or made of an old definition. */
export function planStops(pod: Pod, observed: ObservedPod, sandbox: Sandbox, now: Date): StopContainers[] {
  const stops = [...lostInstances(pod, observed, sandbox), ...unfitInstances(pod, observed, sandbox)];
  return stops.filter((stop) => !retryAt(observed, stop, now));
}

/** Instances of which the runtime doesn't know whether they run are stopped, so that none runs twice. */
function lostInstances(pod: Pod, observed: ObservedPod, sandbox: Sandbox): StopContainers[] {
  const lost = observed.containers.filter((instance) => instance.state === 'unknown' && instance.sandboxId === sandbox.id);
  return lost.map((instance) =>
    stopOf(instance, {
      message: `Container ${JSON.stringify(instance.name)} is in unknown state, try killing it before restart`,
      restarts: false,
      gracePeriodSeconds: gracePeriodOf(pod),
    }),
  );
}

function unfitInstances(pod: Pod, observed: ObservedPod, sandbox: Sandbox): StopContainers[] {
  return [...sidecarsOf(pod), ...specOf(pod).containers].flatMap((container) => {
    const running = runningInstance(observed, container.name, sandbox);
    const cause =
      running && (changed(pod, container, running) ?? resized(pod, container, running) ?? failed(pod, container, running, observed));
    return cause ? [stopOf(running, cause)] : [];
  });
}

/** A changed container is restarted whatever its policy, since it is another one. */
function changed(pod: Pod, container: Container, { definition }: ContainerInstance): Cause | undefined {
  if (definition === undefined || definition === definitionHash(container)) return undefined;
  return {
    message: `Container ${container.name} definition changed, will be restarted`,
    restarts: true,
    gracePeriodSeconds: gracePeriodOf(pod),
  };
}

function resized(pod: Pod, container: Container, running: ContainerInstance): Cause | undefined {
  if (!needsRestart(container, running)) return undefined;
  return {
    message: `Container ${container.name} resize requires restart, will be restarted`,
    restarts: true,
    gracePeriodSeconds: gracePeriodOf(pod),
  };
}

function failed(pod: Pod, container: Container, { id }: ContainerInstance, observed: ObservedPod): Cause | undefined {
  const failure = observed.probes?.[id]?.failed;
  if (!failure) return undefined;
  const probe = failure.probe === 'startup' ? container.startupProbe : container.livenessProbe;
  const restarts = restartsAfterStop(pod, container);
  return {
    message: `Container ${container.name} failed ${failure.probe} probe${restarts ? ', will be restarted' : ''}`,
    restarts,
    gracePeriodSeconds: probe?.terminationGracePeriodSeconds ?? gracePeriodOf(pod),
    failedProbe: failure,
  };
}

function stopOf({ id, name }: ContainerInstance, { message, restarts, gracePeriodSeconds, failedProbe }: Cause): StopContainers {
  const stopped = { id, name, message, ...(restarts && { restarts }), ...(failedProbe && { failedProbe }) };
  return { kind: 'stop-containers', containers: [stopped], gracePeriodSeconds };
}
