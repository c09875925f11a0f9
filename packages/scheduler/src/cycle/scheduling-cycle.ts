import type { PodInfo } from '@berth/sdk/scheduler';
import type { CycleState } from '../cycle-state.ts';
import { type DryRun, isRefusal, type PluginRefusal } from '../framework.ts';
import type { Profile } from '../profile.ts';
import type { Snapshot } from '../snapshot.ts';
import type { ScoreColumn } from '../verdict.ts';
import { askAsync } from './ask.ts';
import { NodeDryRun } from './dry-run.ts';
import { filter } from './filter.ts';
import { isCandidate, preFilter } from './pre-filter.ts';
import { bestNode, score } from './score.ts';

/** What the plugins make of one pod and the nodes of a snapshot. */
export interface Decision {
  nodeName?: string;
  nodeCount: number;
  refusals: ReadonlyMap<string, PluginRefusal>;
  /** A refusal for all nodes at once. */
  refusedForAll?: PluginRefusal;
  feasible: readonly string[];
  scores: readonly ScoreColumn[];
  /** Where a PostFilter plugin is making room. */
  nominatedNodeName?: string;
  lookedAt: number;
}

/**
 * Chooses a node for the pod: PreFilter, Filter, PreScore, Score; PostFilter if there is none. Nothing is taken yet. Throws
 * ExtensionPointFailure.
 */
export async function schedulingCycle(
  profile: Profile,
  state: CycleState,
  pod: PodInfo,
  snapshot: Snapshot,
  start: number,
  signal: AbortSignal,
): Promise<Decision> {
  const nodeCount = snapshot.nodes.length;
  const nothing: Decision = { nodeCount, refusals: new Map(), feasible: [], scores: [], lookedAt: 0 };
  if (nodeCount === 0) return nothing;
  const candidates = await preFilter(profile, state, pod, snapshot, signal);
  if (isRefusal(candidates)) {
    const refusals = new Map(snapshot.nodes.map(({ name }) => [name, candidates]));
    return postFilter(profile, state, pod, { ...nothing, refusals, refusedForAll: candidates }, () => undefined, signal);
  }
  const { feasible, refusals, lookedAt } = filter(profile, state, pod, snapshot, candidates, start);
  const found = { nodeCount, refusals, feasible: feasible.map(({ name }) => name), lookedAt };
  if (feasible.length === 0) {
    const dryRun = (nodeName: string) => {
      const node = isCandidate(candidates, nodeName) ? snapshot.get(nodeName) : undefined;
      return node && new NodeDryRun(profile, candidates, state, pod, node);
    };
    return postFilter(profile, state, pod, { ...found, scores: [] }, dryRun, signal);
  }
  const scores = feasible.length > 1 ? await score(profile, state, pod, feasible, signal) : [];
  return { ...found, scores, nodeName: bestNode(feasible, scores)?.name };
}

async function postFilter(
  { postFilter: plugins }: Profile,
  state: CycleState,
  pod: PodInfo,
  decision: Decision,
  dryRun: (nodeName: string) => DryRun | undefined,
  signal: AbortSignal,
): Promise<Decision> {
  for (const plugin of plugins) {
    const result = await askAsync(plugin, 'postFilter', signal, () => plugin.postFilter(state, pod, decision.refusals, dryRun, signal));
    if (!isRefusal(result)) return { ...decision, nominatedNodeName: result.nominatedNodeName };
    if (result.code === 'UnschedulableAndUnresolvable') break;
  }
  return decision;
}
