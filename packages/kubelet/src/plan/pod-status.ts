import type { Container, ContainerStatus, Pod, PodStatus } from '@berth/api/objects';
import { allContainers, apiTime, isInitContainer, specOf } from '../pod.ts';
import { isPastDeadline } from './completion.ts';
import { conditionsOf } from './conditions.ts';
import { containerStatus } from './container-status.ts';
import { currentSandbox, instancesOf, isDone, toldStatus } from './instances.ts';
import type { ObservedPod, Refusal } from './observed-pod.ts';
import { type Phase, phaseOf } from './phase.ts';
import { qosClassOf } from './qos-class.ts';
import { resizeVerdicts } from './resizes.ts';
import { restartAllVerdict } from './restart-all.ts';
import type { Steps } from './steps.ts';
import type { Wait } from './wait.ts';

/** The termination messages of all of a pod's containers together (kubelet/container/helpers.go: MaxPodTerminationMessageLogLength). */
const podMessageBytes = 12 * 1024;

/**
 * What to tell of a pod. Reason and message say why it failed as a whole. Of what holds up a pod that goes on there is the message only, which
 * kubelet leaves to events: a reason would stand in the place of the containers' own in every table.
 */
export function podStatus(pod: Pod, observed: ObservedPod, now: Date, steps: Pick<Steps, 'waits' | 'finished' | 'trouble'>): PodStatus {
  if (observed.refusal) return refusedStatus(pod, observed, observed.refusal, now);
  const { initContainers = [], containers, ephemeralContainers = [] } = specOf(pod);
  const statuses = (list: Container[]) => list.map((container) => statusOf(pod, container, observed, steps.waits?.[container.name]));
  const [init, main, ephemeral] = [statuses(initContainers), statuses(containers), statuses(ephemeralContainers)];
  const done = (name: string) => [...initContainers, ...containers].some((each) => each.name === name && isDone(pod, each, observed));
  const failure = finalFailure(pod, observed, now);
  const phase =
    finalPhase(observed) ?? (failure ? 'Failed' : phaseOf(pod, { init, containers: main, ended: steps.finished ?? false, isDone: done }));
  const sandboxReady = currentSandbox(observed) !== undefined;
  return {
    ...generationOf(pod),
    phase,
    ...(failure ?? heldUpBy(steps.trouble)),
    conditions: conditionsOf(
      pod,
      {
        phase,
        init,
        containers: main,
        sandboxReady,
        disruption: observed.eviction?.disruption,
        passing: [...resizeVerdicts(pod, observed), ...restartAllVerdict(pod, observed)],
        previous: observed.previous?.conditions,
      },
      now,
    ),
    ...(observed.hostIP && { hostIP: observed.hostIP, hostIPs: [{ ip: observed.hostIP }] }),
    ...addresses(pod, observed),
    startTime: startTime(observed, now),
    qosClass: qosClassOf(pod),
    ...(init.length > 0 && { initContainerStatuses: init }),
    containerStatuses: main,
    ...(ephemeral.length > 0 && { ephemeralContainerStatuses: ephemeral }),
  };
}

/** Of a pod that the node doesn't run there is nothing more to say (kubelet/kubelet.go: rejectPod). */
function refusedStatus(pod: Pod, observed: ObservedPod, { reason, message }: Refusal, now: Date): PodStatus {
  const nothing = { init: [], containers: [], sandboxReady: false, passing: [] };
  return {
    ...generationOf(pod),
    phase: 'Failed',
    reason,
    message,
    conditions: conditionsOf(pod, { ...nothing, phase: 'Failed', previous: observed.previous?.conditions }, now),
    startTime: startTime(observed, now),
    qosClass: qosClassOf(pod),
  };
}

function generationOf({ metadata }: Pod): Pick<PodStatus, 'observedGeneration'> {
  return metadata?.generation === undefined ? {} : { observedGeneration: metadata.generation };
}

function statusOf(pod: Pod, container: Container, observed: ObservedPod, wait: Wait | undefined): ContainerStatus {
  const instances = instancesOf(observed, container.name);
  const [newest] = instances;
  return containerStatus(container, {
    handler: observed.handler,
    instances,
    verdict: newest && observed.probes?.[newest.id],
    messageBytes: Math.floor(podMessageBytes / allContainers(pod).length),
    told: toldStatus(observed, container.name),
    wait,
    initialReason: (specOf(pod).initContainers ?? []).length > 0 ? 'PodInitializing' : 'ContainerCreating',
    isInit: isInitContainer(pod, container) && container.restartPolicy !== 'Always',
  });
}

/** A pod that has ended stays ended. */
function finalPhase({ previous }: ObservedPod): Phase | undefined {
  return previous?.phase === 'Succeeded' || previous?.phase === 'Failed' ? previous.phase : undefined;
}

/** Why the pod failed as a whole, by the node's decision and not by its containers. */
function finalFailure(pod: Pod, observed: ObservedPod, now: Date): Pick<PodStatus, 'reason' | 'message'> | undefined {
  const { eviction } = observed;
  if (eviction) return { reason: eviction.reason, message: eviction.message };
  const { phase, reason, message } = observed.previous ?? {};
  if (phase === 'Failed' && reason) return { reason, message };
  if (phase !== 'Succeeded' && phase !== 'Failed' && isPastDeadline(pod, observed, now)) {
    return { reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' };
  }
  return undefined;
}

function heldUpBy(trouble: Wait | undefined): Pick<PodStatus, 'message'> {
  return trouble ? { message: `${trouble.reason}: ${trouble.message}` } : {};
}

/** A pod that lost its sandbox shows the address that it had. */
function addresses(pod: Pod, observed: ObservedPod): Pick<PodStatus, 'podIP' | 'podIPs'> {
  const { podIP, podIPs } = observed.previous ?? {};
  const ips = specOf(pod).hostNetwork && observed.hostIP ? [observed.hostIP] : (currentSandbox(observed)?.ips ?? []);
  const [first] = ips;
  if (first) return { podIP: first, podIPs: ips.map((ip) => ({ ip })) };
  return podIP ? { podIP, podIPs } : {};
}

function startTime(observed: ObservedPod, now: Date): string {
  const oldest = observed.sandboxes.at(-1)?.createdAt;
  return observed.previous?.startTime ?? apiTime(oldest && oldest < now ? oldest : now);
}
