import type { NodeStatus } from '@berth/api/objects';
import { apiTime } from '../pod.ts';
import type { Pressure } from './pressure-provider.ts';

export type NodeCondition = NonNullable<NodeStatus['conditions']>[number];
type Verdict = Pick<NodeCondition, 'type' | 'status' | 'reason' | 'message'>;

/** What the conditions are made of. */
export interface NodeHealth {
  /** Why the node can't run pods; empty: it can. */
  problems: readonly string[];
  pressure: Pressure;
}

/** The node's conditions in kubelet's words; one whose status is as before keeps its lastTransitionTime. */
export function nodeConditions({ problems, pressure }: NodeHealth, previous: readonly NodeCondition[], now: Date): NodeCondition[] {
  const verdicts: Verdict[] = [
    pressure.memory
      ? condition('MemoryPressure', 'True', 'KubeletHasInsufficientMemory', 'kubelet has insufficient memory available')
      : condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
    pressure.disk
      ? condition('DiskPressure', 'True', 'KubeletHasDiskPressure', 'kubelet has disk pressure')
      : condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
    pressure.pid
      ? condition('PIDPressure', 'True', 'KubeletHasInsufficientPID', 'kubelet has insufficient PID available')
      : condition('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
    problems.length === 0
      ? condition('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status')
      : condition('Ready', 'False', 'KubeletNotReady', problems.length > 1 ? `[${problems.join(', ')}]` : (problems[0] ?? '')),
  ];
  return verdicts.map((verdict) => {
    const before = previous.find(({ type }) => type === verdict.type);
    const lastTransitionTime = before?.status === verdict.status ? before.lastTransitionTime : apiTime(now);
    return { ...verdict, lastHeartbeatTime: apiTime(now), lastTransitionTime };
  });
}

/** The events that tell of each condition's changes: when it is True, when it is False. */
const changeEvents: Record<string, [whenTrue: string, whenFalse: string]> = {
  MemoryPressure: ['NodeHasInsufficientMemory', 'NodeHasSufficientMemory'],
  DiskPressure: ['NodeHasDiskPressure', 'NodeHasNoDiskPressure'],
  PIDPressure: ['NodeHasInsufficientPID', 'NodeHasSufficientPID'],
  Ready: ['NodeReady', 'NodeNotReady'],
};

/** Reasons of events for the conditions whose status has changed. */
export function conditionEvents(before: readonly NodeCondition[], after: readonly NodeCondition[]): string[] {
  return after.flatMap(({ type, status }) => {
    if (before.find((condition) => condition.type === type)?.status === status) return [];
    const [whenTrue, whenFalse] = changeEvents[type] ?? [];
    return [status === 'True' ? whenTrue : whenFalse].filter((reason) => reason !== undefined);
  });
}

function condition(type: string, status: 'True' | 'False', reason: string, message: string): Verdict {
  return { type, status, reason, message };
}
