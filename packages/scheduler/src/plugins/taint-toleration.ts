import type { Toleration } from '@berth/api/objects';
import { untoleratedTaints } from '@berth/api/tolerations';
import type { NodeInfo, PodInfo, Refusal } from '@berth/sdk/scheduler';
import { type CycleState, StateKey } from '../cycle-state.ts';
import type { ClusterEventWithHint, EnqueueExtensions, FilterPlugin, PreScorePlugin, ScorePlugin } from '../framework.ts';
import { normalizeReversed } from '../normalize.ts';

const preferTolerations = new StateKey<Toleration[]>('TaintToleration');

/** Keeps pods off nodes whose taints they don't tolerate, and prefers nodes with few PreferNoSchedule taints of that kind. */
export class TaintToleration implements FilterPlugin, PreScorePlugin, ScorePlugin, EnqueueExtensions {
  readonly name = 'TaintToleration';

  eventsToRegister(): ClusterEventWithHint[] {
    const hint = (pod: PodInfo, { node }: { node?: NodeInfo }) => node !== undefined && refusalOf(pod, node) === undefined;
    return [{ resource: 'Node', actions: ['Add', 'Update'], hint }];
  }

  filter(_state: CycleState, pod: PodInfo, node: NodeInfo): Refusal | undefined {
    return refusalOf(pod, node);
  }

  preScore(state: CycleState, { pod }: PodInfo): undefined {
    const preferring = (pod.spec?.tolerations ?? []).filter(({ effect }) => !effect || effect === 'PreferNoSchedule');
    state.write(preferTolerations, preferring);
  }

  score(state: CycleState, _pod: PodInfo, { node }: NodeInfo): number {
    return untoleratedTaints(node.spec?.taints, state.read(preferTolerations), ['PreferNoSchedule']).length;
  }

  normalizeScores(_state: CycleState, _pod: PodInfo, scores: readonly number[]): number[] {
    return normalizeReversed(scores);
  }
}

function refusalOf({ pod }: PodInfo, { node }: NodeInfo): Refusal | undefined {
  const [taint] = untoleratedTaints(node.spec?.taints, pod.spec?.tolerations, ['NoSchedule', 'NoExecute']);
  if (!taint) return undefined;
  return { code: 'UnschedulableAndUnresolvable', reasons: [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`] };
}
