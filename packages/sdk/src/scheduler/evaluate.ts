import type { NodeInfo, PodInfo, Refusal, SchedulerPlugin } from '../scheduler.ts';

/** What a plugin makes of one node for one pod. */
export interface NodeAnswer {
  name: string;
  /** Why the node can't take the pod; absent if it can. */
  refusal?: Refusal;
  /** Set if the plugin scores and doesn't refuse the node. */
  score?: number;
}

/** Asks a plugin about every node, in the order of `nodes`: what Evaluate of `proto/scheduler.proto` does, in process or behind it. */
export async function evaluate(
  plugin: SchedulerPlugin,
  pod: PodInfo,
  nodes: readonly NodeInfo[],
  signal: AbortSignal,
): Promise<NodeAnswer[]> {
  const prepared = await plugin.prepare(pod, nodes, signal);
  return nodes.map((node) => answerFor(plugin, pod, node, prepared));
}

function answerFor(plugin: SchedulerPlugin, pod: PodInfo, node: NodeInfo, prepared: unknown): NodeAnswer {
  const { name } = node;
  const refusal = plugin.filters ? plugin.filter(pod, node, prepared) : undefined;
  if (refusal) return { name, refusal };
  return plugin.scores ? { name, score: plugin.score(pod, node, prepared) } : { name };
}
