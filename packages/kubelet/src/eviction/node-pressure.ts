import type { NodeCondition, Taint } from '@berth/api/objects';
import type { PressureCondition } from './signals.ts';

type Told = [reason: string, message: string];

/** By condition: when it holds, when it doesn't, and the taint that goes with it. */
const table: Record<PressureCondition, { holds: Told; ceased: Told; taint: string }> = {
  MemoryPressure: {
    holds: ['KubeletHasInsufficientMemory', 'kubelet has insufficient memory available'],
    ceased: ['KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
    taint: 'node.kubernetes.io/memory-pressure',
  },
  DiskPressure: {
    holds: ['KubeletHasDiskPressure', 'kubelet has disk pressure'],
    ceased: ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
    taint: 'node.kubernetes.io/disk-pressure',
  },
  PIDPressure: {
    holds: ['KubeletHasInsufficientPID', 'kubelet has insufficient PID available'],
    ceased: ['KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
    taint: 'node.kubernetes.io/pid-pressure',
  },
};

export const memoryPressureTaint = taintOf('MemoryPressure');

/** The node's conditions about pressure, all three of them; times are the node status's. */
export function pressureConditions(holding: readonly PressureCondition[]): Pick<NodeCondition, 'type' | 'status' | 'reason' | 'message'>[] {
  return Object.entries(table).map(([type, { holds, ceased }]) => {
    const isHolding = holding.some((condition) => condition === type);
    const [reason, message] = isHolding ? holds : ceased;
    return { type, status: isHolding ? 'True' : 'False', reason, message };
  });
}

/** The taints that keep new pods away; in a cluster the node life-cycle controller sets them. */
export function pressureTaints(holding: readonly PressureCondition[]): Taint[] {
  return holding.map(taintOf);
}

function taintOf(condition: PressureCondition): Taint {
  return { key: table[condition].taint, effect: 'NoSchedule' };
}
