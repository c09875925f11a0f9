import { isEmptyTerm, matchesNodeLabels, matchesNodeSelector, matchesNodeSelectorTerm } from '@berth/api/node-selector';
import type { NodeAffinity as Affinity, NodeSelectorTerm, Pod, PreferredSchedulingTerm } from '@berth/api/objects';
import type { NodeInfo, PodInfo, Refusal } from '@berth/sdk/scheduler';
import type { CycleState } from '../cycle-state.ts';
import type {
  ClusterEventWithHint,
  EnqueueExtensions,
  FilterPlugin,
  PreFilterPlugin,
  PreFilterResult,
  PreScorePlugin,
  PreScoreResult,
  ScorePlugin,
} from '../framework.ts';
import { normalizeByGreatest } from '../normalize.ts';

const mismatch: Refusal = { code: 'UnschedulableAndUnresolvable', reasons: ["node(s) didn't match Pod's node affinity/selector"] };
const conflict: Refusal = { code: 'UnschedulableAndUnresolvable', reasons: ['pod affinity terms conflict'] };

/** The pod's `nodeSelector` and `affinity.nodeAffinity`: required ones filter, preferred ones score by their weights. */
export class NodeAffinity implements PreFilterPlugin, FilterPlugin, PreScorePlugin, ScorePlugin, EnqueueExtensions {
  readonly name = 'NodeAffinity';

  eventsToRegister(): ClusterEventWithHint[] {
    const hint = ({ pod }: PodInfo, { node }: { node?: NodeInfo }) => node !== undefined && suits(pod, node);
    return [{ resource: 'Node', actions: ['Add', 'Update'], hint }];
  }

  /** Terms that name their nodes make looking at others needless. */
  preFilter(_state: CycleState, { pod }: PodInfo): PreFilterResult {
    const terms = requiredOf(pod)?.nodeSelectorTerms;
    if (!terms && !pod.spec?.nodeSelector) return { skip: true };
    const nodeNames = namedNodes(terms ?? []);
    return nodeNames?.size === 0 ? conflict : { nodeNames };
  }

  filter(_state: CycleState, { pod }: PodInfo, node: NodeInfo): Refusal | undefined {
    return suits(pod, node) ? undefined : mismatch;
  }

  preScore(_state: CycleState, { pod }: PodInfo): PreScoreResult {
    return { skip: preferredOf(pod).length === 0 };
  }

  score(_state: CycleState, { pod }: PodInfo, { node }: NodeInfo): number {
    return preferredOf(pod)
      .filter(({ preference }) => matchesNodeSelectorTerm(node, preference))
      .reduce((sum, { weight }) => sum + weight, 0);
  }

  normalizeScores(_state: CycleState, _pod: PodInfo, scores: readonly number[]): number[] {
    return normalizeByGreatest(scores);
  }
}

function suits(pod: Pod, { node }: NodeInfo): boolean {
  const required = requiredOf(pod);
  return matchesNodeLabels(node, pod.spec?.nodeSelector) && (!required || matchesNodeSelector(node, required));
}

function requiredOf(pod: Pod): Affinity['requiredDuringSchedulingIgnoredDuringExecution'] {
  return pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
}

function preferredOf(pod: Pod): PreferredSchedulingTerm[] {
  const terms = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return terms.filter(({ weight, preference }) => weight > 0 && preference && !isEmptyTerm(preference));
}

/** The only nodes that any of the terms (they are alternatives) allows by name; undefined if one allows others too. */
function namedNodes(terms: readonly NodeSelectorTerm[]): Set<string> | undefined {
  const named = new Set<string>();
  for (const { matchFields = [] } of terms) {
    const lists = matchFields.filter(({ key, operator }) => key === 'metadata.name' && operator === 'In').map(({ values = [] }) => values);
    const [first, ...rest] = lists;
    if (!first) return undefined;
    for (const name of first) if (rest.every((values) => values.includes(name))) named.add(name);
  }
  return terms.length > 0 ? named : undefined;
}
