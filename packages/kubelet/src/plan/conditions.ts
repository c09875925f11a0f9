import type { ContainerStatus, Pod, PodCondition } from '@berth/api/objects';
import { apiTime, sidecarsOf, specOf } from '../pod.ts';
import type { Phase } from './phase.ts';

/** What the conditions are made of. */
interface ConditionFacts {
  phase: Phase;
  init: ContainerStatus[];
  containers: ContainerStatus[];
  sandboxReady: boolean;
  previous: PodCondition[] | undefined;
}

type Verdict = Pick<PodCondition, 'status' | 'reason' | 'message'>;

/** The pod's conditions; one whose status is the same as before keeps its lastTransitionTime. */
export function conditionsOf(pod: Pod, facts: ConditionFacts, now: Date): PodCondition[] {
  const ready = containersReady(pod, facts);
  const verdicts: [string, Verdict][] = [
    ['PodReadyToStartContainers', { status: facts.sandboxReady ? 'True' : 'False' }],
    ['Initialized', initialized(pod, facts)],
    ['Ready', ready],
    ['ContainersReady', ready],
    ['PodScheduled', { status: 'True' }],
  ];
  return verdicts.map(([type, verdict]) => {
    const before = facts.previous?.find((condition) => condition.type === type);
    const lastTransitionTime = before?.status === verdict.status ? before.lastTransitionTime : apiTime(now);
    return { type, ...verdict, lastTransitionTime };
  });
}

function initialized(pod: Pod, { phase, init, containers }: ConditionFacts): Verdict {
  if ((specOf(pod).initContainers ?? []).length === 0) return { status: 'True', ...(phase === 'Succeeded' && { reason: 'PodCompleted' }) };
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' };
  const sidecars = new Set(sidecarsOf(pod).map(({ name }) => name));
  const incomplete = init.filter(({ name, started, ready }) => (sidecars.has(name) ? !started : !ready)).map(({ name }) => name);
  // Init containers that ran before a restart of the kubelet may be gone; a container that has run proves that they succeeded.
  const begun = containers.some(({ state, lastState }) => state?.running ?? state?.terminated ?? lastState?.terminated);
  if (incomplete.length === 0 || begun) return { status: 'True' };
  return { status: 'False', reason: 'ContainersNotInitialized', message: `containers with incomplete status: [${incomplete.join(' ')}]` };
}

/** Sidecars count as the others do. */
function containersReady(pod: Pod, { phase, init, containers }: ConditionFacts): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const sidecars = new Set(sidecarsOf(pod).map(({ name }) => name));
  const counted = [...init.filter(({ name }) => sidecars.has(name)), ...containers];
  const unready = counted.filter((container) => !container.ready).map(({ name }) => name);
  if (containers.length > 0 && unready.length === 0) return { status: 'True' };
  return { status: 'False', reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` };
}
