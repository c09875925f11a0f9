import { PluginError } from '@berth/sdk/errors';
import type { PodInfo } from '@berth/sdk/scheduler';
import type { CycleState } from '../cycle-state.ts';
import { maxNodeScore, type ScorePlugin } from '../framework.ts';
import type { NodeState } from '../node-state.ts';
import type { Profile } from '../profile.ts';
import type { ScoreColumn } from '../verdict.ts';
import { ask, askAsync } from './ask.ts';

/** Asks the Score plugins for each of the nodes: a column for each plugin that has something to say about the pod. */
export async function score(
  profile: Profile,
  state: CycleState,
  pod: PodInfo,
  nodes: readonly NodeState[],
  signal: AbortSignal,
): Promise<ScoreColumn[]> {
  const skipped = new Set<string>();
  for (const plugin of profile.preScore) {
    const result = await askAsync(plugin, 'preScore', signal, () => plugin.preScore(state, pod, nodes, signal));
    if (result?.skip) skipped.add(plugin.name);
  }
  return profile.score
    .filter(({ plugin }) => !skipped.has(plugin.name))
    .map(({ plugin, weight }) => ({ plugin: plugin.name, weight, ...scoresOf(plugin, state, pod, nodes) }));
}

function scoresOf(
  plugin: ScorePlugin,
  state: CycleState,
  pod: PodInfo,
  nodes: readonly NodeState[],
): Pick<ScoreColumn, 'raw' | 'normalized'> {
  return ask(plugin, 'score', () => {
    const raw = nodes.map((node) => plugin.score(state, pod, node));
    const normalized = plugin.normalizeScores?.(state, pod, raw) ?? raw;
    checkScores(normalized, nodes);
    return { raw, normalized };
  });
}

function checkScores(scores: readonly number[], nodes: readonly NodeState[]): void {
  if (scores.length !== nodes.length) {
    throw new PluginError('OUT_OF_RANGE', `it normalized the scores of ${nodes.length} nodes to ${scores.length}`, {
      hint: 'a score plugin has to give a score for each node, in the same order',
    });
  }
  const place = scores.findIndex((each) => !Number.isInteger(each) || each < 0 || each > maxNodeScore);
  if (place < 0) return;
  throw new PluginError('OUT_OF_RANGE', `its score for node ${nodes[place]?.name} is ${scores[place]}`, {
    hint: `scores have to be whole numbers between 0 and ${maxNodeScore} after normalizing`,
  });
}

/** The node of the greatest weighted sum; of equals the first. */
export function bestNode(nodes: readonly NodeState[], columns: readonly ScoreColumn[]): NodeState | undefined {
  const total = (place: number) => columns.reduce((sum, { normalized, weight }) => sum + (normalized[place] ?? 0) * weight, 0);
  const [best] = nodes
    .map((node, place) => ({ node, total: total(place) }))
    .reduce<{ node: NodeState; total: number }[]>(([leader], each) => [leader && leader.total >= each.total ? leader : each], []);
  return best?.node;
}
