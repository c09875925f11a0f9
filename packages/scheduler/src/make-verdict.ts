import type { PodInfo } from '@berth/sdk/scheduler';
import type { ExtensionPointFailure } from './cycle/extension-point-failure.ts';
import type { Decision } from './cycle/scheduling-cycle.ts';
import type { PluginRefusal } from './framework.ts';
import { fullNameOf } from './pod-info.ts';
import type { Verdict } from './verdict.ts';

const undecided: Decision = { nodeCount: 0, refusals: new Map(), feasible: [], scores: [], lookedAt: 0 };

export function scheduledVerdict(pod: PodInfo, decision: Decision, nodeName: string): Verdict {
  const message = `Successfully assigned ${fullNameOf(pod.pod)} to ${nodeName}`;
  return { ...explained(pod, decision), outcome: 'Scheduled', nodeName, message };
}

/** No node passed every filter. */
export function unschedulableVerdict(pod: PodInfo, decision: Decision): Verdict {
  const { nodeCount, refusals, refusedForAll, nominatedNodeName } = decision;
  const message = unschedulableMessage(nodeCount, refusals, refusedForAll);
  return { ...explained(pod, decision), outcome: 'Unschedulable', message, ...(nominatedNodeName && { nominatedNodeName }) };
}

/** A node was chosen, and a later plugin refused it. */
export function refusedVerdict(pod: PodInfo, decision: Decision, { plugin, reasons }: PluginRefusal): Verdict {
  const message = `node ${decision.nodeName} was chosen, but plugin ${plugin} refused it: ${reasons.join(', ')}`;
  return { ...explained(pod, decision), outcome: 'Unschedulable', message };
}

/** A plugin failed, before or after a node was chosen. */
export function failedVerdict(pod: PodInfo, { plugin, point, message }: ExtensionPointFailure, decision = undecided): Verdict {
  return {
    ...explained(pod, decision),
    outcome: 'Failed',
    message: `plugin ${plugin} failed at ${point}: ${message}`,
    failure: { plugin, point, message },
  };
}

/** PreEnqueue doesn't let the pod in. */
export function gatedVerdict(pod: PodInfo, { reasons }: PluginRefusal): Verdict {
  return { ...explained(pod, undecided), outcome: 'Gated', message: reasons.join(', ') };
}

function explained({ pod }: PodInfo, { nodeCount, refusals, feasible, scores }: Decision) {
  return { pod: fullNameOf(pod), nodeCount, refusals, feasible, scores };
}

/** kube-scheduler's line for a pod that no node can take: how many nodes have each reason. */
function unschedulableMessage(nodeCount: number, refusals: ReadonlyMap<string, PluginRefusal>, forAll?: PluginRefusal): string {
  if (nodeCount === 0) return 'no nodes available to schedule pods';
  const available = `0/${nodeCount} nodes are available:`;
  if (forAll) return `${available} ${forAll.reasons.join(', ')}.`;
  const counts = new Map<string, number>();
  for (const { reasons } of refusals.values()) for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const texts = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return `${available} ${texts.join(', ')}.`;
}
