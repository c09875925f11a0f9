import { type NodeInfo, type PodInfo, type Refusal, type SchedulerPlugin, schedulerPlugin } from '@berth/sdk/scheduler';
import { readArgs } from './args.ts';

/** How many pods of the same kind each domain has. */
interface Spread {
  counts: ReadonlyMap<string, number>;
  /** What the emptiest domain has. */
  least: number;
  most: number;
}

/**
 * LabelSpread: pods of one namespace that have the same value of a label (`app`) go to the domains of the cluster (nodes, zones) that
 * have the fewest of them. With `maxSkew`, a domain that would get too far ahead of the emptiest one refuses.
 */
export default function labelSpread(given: Record<string, unknown> = {}): SchedulerPlugin {
  const { podLabel, topologyKey, maxSkew } = readArgs(given);
  const domainOf = ({ node }: NodeInfo) => node.metadata?.labels?.[topologyKey];
  return schedulerPlugin<Spread | undefined>({
    name: 'LabelSpread',

    prepare: (pod, nodes) => spreadOf(pod, nodes, podLabel, domainOf),

    filter(_pod, node, spread) {
      const domain = domainOf(node);
      if (!spread || maxSkew === undefined) return undefined;
      if (domain === undefined) return withoutDomain(topologyKey);
      const skew = (spread.counts.get(domain) ?? 0) + 1 - spread.least;
      return skew > maxSkew ? `node(s) would have too many pods of one ${podLabel}` : undefined;
    },

    /** The pods that the domain has; few are good, so the score is turned around. */
    score(_pod, node, spread) {
      if (!spread) return 0;
      return spread.counts.get(domainOf(node) ?? '') ?? spread.most + 1;
    },
    normalization: 'reverse',
  });
}

/** Undefined for a pod that hasn't the label: it is none of ours. */
function spreadOf(
  { pod }: PodInfo,
  nodes: readonly NodeInfo[],
  podLabel: string,
  domainOf: (node: NodeInfo) => string | undefined,
): Spread | undefined {
  const value = pod.metadata?.labels?.[podLabel];
  if (value === undefined) return undefined;
  const isAlike = ({ pod: other }: PodInfo) =>
    other.metadata?.namespace === pod.metadata?.namespace && other.metadata?.labels?.[podLabel] === value;
  const counts = new Map<string, number>();
  for (const node of nodes) {
    const domain = domainOf(node);
    if (domain !== undefined) counts.set(domain, (counts.get(domain) ?? 0) + [...node.pods.values()].filter(isAlike).length);
  }
  return { counts, least: Math.min(...counts.values()), most: Math.max(...counts.values(), 0) };
}

/** Other pods' going away wouldn't help. */
function withoutDomain(topologyKey: string): Refusal {
  return { code: 'UnschedulableAndUnresolvable', reasons: [`node(s) had no label ${topologyKey}`] };
}
