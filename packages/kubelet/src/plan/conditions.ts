import type { ContainerStatus, Pod, PodCondition } from '@berth/api/objects';
import { apiTime, sidecarsOf, specOf } from '../pod.ts';
import type { Phase } from './phase.ts';
import { resizeConditions } from './resizes.ts';
import { restartAllCondition } from './restart-all.ts';

/** What the conditions are made of. */
interface ConditionFacts {
  phase: Phase;
  init: ContainerStatus[];
  containers: ContainerStatus[];
  sandboxReady: boolean;
  /** Why the node ends the pod to get its resources back. */
  disruption?: string | undefined;
  /** Of what is under way: a pod has these conditions only as long as there is something to say. */
  passing: [type: string, Verdict][];
  previous: PodCondition[] | undefined;
}

type Verdict = Pick<PodCondition, 'status' | 'reason' | 'message'>;

/**
 * The pod's conditions; one whose status is the same as before keeps its lastTransitionTime. Those of other authors stay as the pod's
 * source gives them.
 */
export function conditionsOf(pod: Pod, facts: ConditionFacts, now: Date): PodCondition[] {
  const ready = containersReady(pod, facts);
  const verdicts: [string, Verdict][] = [
    ['PodReadyToStartContainers', { status: facts.sandboxReady ? 'True' : 'False' }],
    ['Initialized', initialized(pod, facts)],
    ['Ready', ready.status === 'True' ? readinessGates(pod) : ready],
    ['ContainersReady', ready],
    ['PodScheduled', { status: 'True' }],
    ...disruptionTarget(facts),
    ...facts.passing,
  ];
  const generation = pod.metadata?.generation;
  const own = verdicts.map(([type, verdict]) => {
    const before = facts.previous?.find((condition) => condition.type === type);
    const lastTransitionTime = before?.status === verdict.status ? before.lastTransitionTime : apiTime(now);
    return { type, ...verdict, lastTransitionTime, ...(generation !== undefined && { observedGeneration: generation }) };
  });
  return [...own, ...foreignConditions(pod, verdicts)];
}

/** Ours too, where the pod hasn't got them any more. */
const passingConditions = [...resizeConditions, restartAllCondition];

function foreignConditions({ status }: Pod, own: [string, Verdict][]): PodCondition[] {
  const ours = new Set<string>([...own.map(([type]) => type), ...passingConditions]);
  return (status?.conditions ?? []).filter(({ type }) => !ours.has(type));
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
  const sidecars = sidecarNames(pod);
  const incomplete = init.filter(({ name, started, ready }) => !(sidecars.has(name) ? started : ready)).map(({ name }) => name);
  // Init containers that ran before a restart of the kubelet may be gone; a container that has run proves that they succeeded.
  if (incomplete.length === 0 || containers.some(hasRun)) return { status: 'True' };
  return { status: 'False', reason: 'ContainersNotInitialized', message: `containers with incomplete status: [${incomplete.join(' ')}]` };
}

function hasRun({ state, lastState }: ContainerStatus): boolean {
  return Boolean(state?.running ?? state?.terminated ?? lastState?.terminated);
}

function containersReady(pod: Pod, { phase, init, containers }: ConditionFacts): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const sidecars = sidecarNames(pod);
  const judged = [...init.filter(({ name }) => sidecars.has(name)), ...containers];
  const unready = judged.filter((container) => !container.ready).map(({ name }) => name);
  if (containers.length > 0 && unready.length === 0) return { status: 'True' };
  return { status: 'False', reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` };
}

/** Whether the conditions that the pod waits for besides its containers are True; they are somebody else's to set. */
function readinessGates(pod: Pod): Verdict {
  const closed = (specOf(pod).readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = pod.status?.conditions?.find(({ type }) => type === conditionType);
    const gate = `pod readiness gate ${JSON.stringify(conditionType)}`;
    if (!condition) return `corresponding condition of ${gate} does not exist.`;
    return condition.status === 'True' ? [] : `the status of ${gate} is not "True", but ${condition.status}`;
  });
  if (closed.length === 0) return { status: 'True' };
  return { status: 'False', reason: 'ReadinessGatesNotReady', message: closed.join(', ') };
}

function sidecarNames(pod: Pod): Set<string> {
  return new Set(sidecarsOf(pod).map(({ name }) => name));
}
