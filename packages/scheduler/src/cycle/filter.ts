import type { PodInfo } from '@berth/sdk/scheduler';
import type { CycleState } from '../cycle-state.ts';
import type { FilterPlugin, PluginRefusal } from '../framework.ts';
import type { NodeState } from '../node-state.ts';
import type { Profile } from '../profile.ts';
import type { Snapshot } from '../snapshot.ts';
import { firstRefusal } from './ask.ts';
import { nodesToFind } from './nodes-to-find.ts';
import { type Candidates, isCandidate } from './pre-filter.ts';

export interface Filtered {
  /** The nodes that passed every filter, in the order in which they were looked at. */
  feasible: NodeState[];
  refusals: Map<string, PluginRefusal>;
  /** How many nodes were looked at: the next pod begins behind them, so that all nodes get their share. */
  lookedAt: number;
}

/** Asks the Filter plugins about node after node, beginning at the place `start`, until enough have passed. */
export function filter(
  profile: Profile,
  state: CycleState,
  pod: PodInfo,
  snapshot: Snapshot,
  candidates: Candidates,
  start: number,
): Filtered {
  const plugins = filterPlugins(profile, candidates);
  const refusals = new Map<string, PluginRefusal>();
  const nodes = candidatesOf(snapshot, candidates, refusals);
  const wanted = profile.score.length === 0 ? 1 : nodesToFind(nodes.length, profile.percentageOfNodesToScore);
  const feasible: NodeState[] = [];
  let lookedAt = 0;
  for (; lookedAt < nodes.length && feasible.length < wanted; lookedAt++) {
    const node = nodes[(start + lookedAt) % nodes.length];
    if (!node) continue;
    const refusal = filterNode(plugins, state, pod, node);
    if (refusal) refusals.set(node.name, refusal);
    else feasible.push(node);
  }
  return { feasible, refusals, lookedAt };
}

function candidatesOf({ nodes }: Snapshot, candidates: Candidates, refusals: Map<string, PluginRefusal>): readonly NodeState[] {
  const { others } = candidates;
  if (!others) return nodes;
  for (const { name } of nodes) if (!isCandidate(candidates, name)) refusals.set(name, others);
  return nodes.filter(({ name }) => isCandidate(candidates, name));
}

/** Those that have something to say about the pod. */
export function filterPlugins({ filter: plugins }: Profile, { skipped }: Candidates): FilterPlugin[] {
  return plugins.filter(({ name }) => !skipped.has(name));
}

/** The first refusal. */
export function filterNode(plugins: readonly FilterPlugin[], state: CycleState, pod: PodInfo, node: NodeState): PluginRefusal | undefined {
  return firstRefusal(plugins, 'filter', (plugin) => plugin.filter(state, pod, node));
}
