import type { ContainerStatus, Pod, PodCondition } from '@berth/api/objects';
import { apiTime, specOf } from '../pod.ts';
import type { Phase } from './phase.ts';

/** What the conditions are made of. */
interface ConditionFacts {
  phase: Phase;
  init: ContainerStatus[];
  containers: ContainerStatus[];
  sandboxReady: boolean;
  /** Why the node ends the pod to get its resources back. */
  disruption?: string | undefined;
  previous: PodCondition[] | undefined;
}

type Verdict = Pick<PodCondition, 'status' | 'reason' | 'message'>;

/** The pod's conditions; one whose status is the same as before keeps its lastTransitionTime. */
export function conditionsOf(pod: Pod, facts: ConditionFacts, now: Date): PodCondition[] {
  const ready = containersReady(facts);
  const verdicts: [string, Verdict][] = [
    ['PodReadyToStartContainers', { status: facts.sandboxReady ? 'True' : 'False' }],
    ['Initialized', initialized(pod, facts)],
    ['Ready', ready],
    ['ContainersReady', ready],
    ['PodScheduled', { status: 'True' }],
    ...disruptionTarget(facts),
  ];
  return verdicts.map(([type, verdict]) => {
    const before = facts.previous?.find((condition) => condition.type === type);
    const lastTransitionTime = before?.status === verdict.status ? before.lastTransitionTime : apiTime(now);
    return { type, ...verdict, lastTransitionTime };
  });
}

/** A pod that was a target stays one. */
function disruptionTarget({ disruption, previous }: ConditionFacts): [string, Verdict][] {
  const before = previous?.find(({ type }) => type === 'DisruptionTarget');
  if (disruption !== undefined) return [['DisruptionTarget', { status: 'True', reason: 'TerminationByKubelet', message: disruption }]];
  return before ? [[before.type, { status: before.status, reason: before.reason, message: before.message }]] : [];
}

function initialized(pod: Pod, { phase, init, containers }: ConditionFacts): Verdict {
  if ((specOf(pod).initContainers ?? []).length === 0) return { status: 'True', ...(phase === 'Succeeded' && { reason: 'PodCompleted' }) };
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' };
  const incomplete = init.filter((container) => !container.ready).map(({ name }) => name);
  // Init containers that ran before a restart of the kubelet may be gone; a running container proves that they succeeded.
  if (incomplete.length === 0 || containers.some(({ state }) => state?.running)) return { status: 'True' };
  return { status: 'False', reason: 'ContainersNotInitialized', message: `containers with incomplete status: [${incomplete.join(' ')}]` };
}

function containersReady({ phase, containers }: ConditionFacts): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const unready = containers.filter((container) => !container.ready).map(({ name }) => name);
  if (containers.length > 0 && unready.length === 0) return { status: 'True' };
  return { status: 'False', reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` };
}
