import type { PodInfo } from '@berth/sdk/scheduler';
import type { CycleState } from '../cycle-state.ts';
import { isRefusal, type PluginRefusal } from '../framework.ts';
import type { Profile } from '../profile.ts';
import type { Snapshot } from '../snapshot.ts';
import { askAsync } from './ask.ts';

/** What PreFilter left of the question. */
export interface Candidates {
  /** The nodes that may be filtered; undefined: all. */
  nodeNames?: ReadonlySet<string>;
  /** Why the others may not. */
  others?: PluginRefusal;
  /** Plugins whose Filter isn't asked. */
  skipped: ReadonlySet<string>;
}

/** Asks the PreFilter plugins; a refusal is for all nodes. */
export async function preFilter(
  { preFilter: plugins }: Profile,
  state: CycleState,
  pod: PodInfo,
  snapshot: Snapshot,
  signal: AbortSignal,
): Promise<Candidates | PluginRefusal> {
  const skipped = new Set<string>();
  const narrowing: string[] = [];
  let nodeNames: ReadonlySet<string> | undefined;
  for (const plugin of plugins) {
    const result = await askAsync(plugin, 'preFilter', signal, () => plugin.preFilter(state, pod, snapshot, signal));
    if (isRefusal(result)) return { plugin: plugin.name, ...result };
    if (result?.skip) skipped.add(plugin.name);
    if (!result?.nodeNames) continue;
    narrowing.push(plugin.name);
    nodeNames = nodeNames ? common(nodeNames, result.nodeNames) : result.nodeNames;
    if (nodeNames.size === 0) return nothingLeft(narrowing);
  }
  return { nodeNames, skipped, ...(nodeNames && { others: unsatisfied(narrowing) }) };
}

/** Whether Filter is to be asked about the node. */
export function isCandidate({ nodeNames }: Candidates, nodeName: string): boolean {
  return nodeNames?.has(nodeName) ?? true;
}

function common(left: ReadonlySet<string>, right: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...left].filter((name) => right.has(name)));
}

function nothingLeft(narrowing: string[]): PluginRefusal {
  const [last = ''] = narrowing.slice(-1);
  const reason =
    narrowing.length === 1
      ? `node(s) didn't satisfy plugin ${last}`
      : `node(s) didn't satisfy plugin(s) [${narrowing.join(' ')}] simultaneously`;
  return { plugin: last, code: 'UnschedulableAndUnresolvable', reasons: [reason] };
}

function unsatisfied(narrowing: string[]): PluginRefusal {
  const reason = `node(s) didn't satisfy plugin(s) [${narrowing.toSorted().join(' ')}]`;
  return { plugin: narrowing[0] ?? '', code: 'UnschedulableAndUnresolvable', reasons: [reason] };
}
