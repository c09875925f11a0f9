import type { Taint } from '@berth/api/objects';
import type { NodeCondition } from './node-conditions.ts';

/** The key of the taint that goes with a condition, and the status with which it comes (pkg/controller/nodelifecycle). */
const taintOf: Record<string, { key: string; status: NodeCondition['status'] }> = {
  Ready: { key: 'node.kubernetes.io/not-ready', status: 'False' },
  MemoryPressure: { key: 'node.kubernetes.io/memory-pressure', status: 'True' },
  DiskPressure: { key: 'node.kubernetes.io/disk-pressure', status: 'True' },
  PIDPressure: { key: 'node.kubernetes.io/pid-pressure', status: 'True' },
};

/** The taints of a node that belongs to no cluster, whose controllers would set those of the conditions: its own, and these. */
export function withConditionTaints(own: readonly Taint[], conditions: readonly NodeCondition[]): Taint[] {
  const ofConditions = conditions.flatMap(({ type, status, lastTransitionTime }): Taint[] => {
    const taint = taintOf[type];
    if (taint?.status !== status) return [];
    return [{ key: taint.key, effect: 'NoSchedule', ...(lastTransitionTime && { timeAdded: lastTransitionTime }) }];
  });
  const isOwn = (taint: Taint) => own.some(({ key, effect }) => key === taint.key && effect === taint.effect);
  return [...own, ...ofConditions.filter((taint) => !isOwn(taint))];
}
