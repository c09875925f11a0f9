import type { ExtensionPoint, PluginRefusal } from './framework.ts';

/** One plugin's scores for the nodes of a verdict, in the order of its `feasible`. */
export interface ScoreColumn {
  plugin: string;
  weight: number;
  raw: readonly number[];
  /** 0 to 100. */
  normalized: readonly number[];
}

/** A plugin that threw, or answered what can't be. */
export interface PluginFailure {
  plugin: string;
  point: ExtensionPoint;
  message: string;
}

/** What became of one pod, and why, for each node and plugin. */
export interface Verdict {
  /** `namespace/name` */
  pod: string;
  outcome: 'Scheduled' | 'Unschedulable' | 'Failed' | 'Gated';
  /** Where it was placed. */
  nodeName?: string;
  /** One line in kube-scheduler's words: `0/3 nodes are available: 1 Insufficient cpu, ...`. */
  message: string;
  /** How many nodes there were; those in neither of the next two weren't looked at, enough others having been found. */
  nodeCount: number;
  /** Why each node was refused, by its name. */
  refusals: ReadonlyMap<string, PluginRefusal>;
  /** The nodes that passed every filter. */
  feasible: readonly string[];
  /** Empty if there was nothing to compare. */
  scores: readonly ScoreColumn[];
  failure?: PluginFailure;
  /** Where a PostFilter plugin is making room for a later try. */
  nominatedNodeName?: string;
}

/** A verdict's view of one node, for whoever wants to read it. */
export interface NodeVerdict {
  node: string;
  refusal?: PluginRefusal;
  scores: { plugin: string; raw: number; normalized: number; weight: number; weighted: number }[];
  /** The sum of the weighted scores. */
  total?: number;
}

/** The verdict node by node: those that could take the pod first, best first, then the refused ones by name. */
export function explainNodes({ refusals, feasible, scores }: Verdict): NodeVerdict[] {
  const scored = feasible.map((node, place) => scoredNode(node, place, scores));
  const refused = [...refusals].map(([node, refusal]): NodeVerdict => ({ node, refusal, scores: [] }));
  return [...scored.sort(byTotal), ...refused.sort(byName)];
}

function scoredNode(node: string, place: number, columns: readonly ScoreColumn[]): NodeVerdict {
  const scores = columns.map(({ plugin, weight, raw, normalized }) => {
    const score = normalized[place] ?? 0;
    return { plugin, raw: raw[place] ?? 0, normalized: score, weight, weighted: score * weight };
  });
  return { node, scores, ...(scores.length > 0 && { total: scores.reduce((sum, { weighted }) => sum + weighted, 0) }) };
}

function byTotal(left: NodeVerdict, right: NodeVerdict): number {
  return (right.total ?? 0) - (left.total ?? 0) || byName(left, right);
}

function byName(left: NodeVerdict, right: NodeVerdict): number {
  return left.node < right.node ? -1 : left.node > right.node ? 1 : 0;
}
