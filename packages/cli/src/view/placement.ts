import type { NodeVerdict } from '@berth/scheduler/verdict';
import type { PodPlacement } from '../schedule/place-pods.ts';
import { formatTable } from './listing.ts';

/** The pods and where they went, then for each of them what every node was told, and its scores. */
export function formatPlacements(placements: readonly PodPlacement[]): string {
  const rows = placements.map(({ pod, nodeName, outcome, message }) => [
    pod,
    nodeName ?? '<none>',
    outcome,
    outcome === 'Scheduled' ? '' : message,
  ]);
  const explained = placements.filter(({ nodes }) => nodes.length > 0);
  return [formatTable(['POD', 'NODE', 'OUTCOME', 'WHY'], rows), ...explained.map(formatNodes)].join('\n\n');
}

function formatNodes({ pod, nodes }: PodPlacement): string {
  const plugins = nodes[0]?.scores ?? [];
  const head = ['NODE', 'FILTER', ...plugins.map(({ plugin }) => plugin), ...(plugins.length > 0 ? ['TOTAL'] : [])];
  return `pod ${pod}\n${formatTable(
    head,
    nodes.map((node) => row(node, plugins.length)),
  )}`;
}

/** Scores are what a node got of 100, times the plugin's weight. */
function row({ node, refusal, scores, total }: NodeVerdict, plugins: number): string[] {
  if (refusal) return [node, `${refusal.plugin}: ${refusal.reasons.join(', ')}`, ...(plugins > 0 ? Array(plugins + 1).fill('') : [])];
  const cells = scores.map(({ normalized, weight }) => (weight === 1 ? String(normalized) : `${normalized} x ${weight}`));
  return [node, 'passed', ...cells, ...(total === undefined ? [] : [String(total)])];
}
