import type { Pod, PodStatus } from '@berth/api/objects';
import type { ObservedPod } from '../plan/observed-pod.ts';
import { shutdownReason } from '../shutdown/shutdown-groups.ts';

/** What a kubelet has to know of a pod after a restart, and the runtime doesn't tell. */
export interface PodMemory {
  /** The pod was admitted as this: a pod that no source has any more ends by its own hooks and grace period. */
  pod: Pod;
  /** The handler of its runtime. */
  handler: string;
  status?: PodStatus;
  /** RFC 3339: when the grace period is over of a pod that is to end. */
  deadline?: string;
  /** What back-off hangs on, why containers were stopped, and whether the node has ended the pod. */
  observed: Pick<ObservedPod, 'failures' | 'restartDelays' | 'owedRestarts' | 'failedProbes' | 'eviction'>;
}

const version = 1;
const timeFields = new Set(['at', 'setAt']);

/** What the next kubelet has to know of a worker's pod; undefined for one that was refused, or that begins anew once the node is up again. */
export function memoryOf({ pod, observed }: { pod: Pod; observed: Readonly<ObservedPod> }, now: Date): PodMemory | undefined {
  const {
    handler,
    failures,
    restartDelays,
    owedRestarts,
    failedProbes,
    eviction,
    refusal,
    deletion,
    endingSince = now,
    previous,
  } = observed;
  if (refusal || eviction?.reason === shutdownReason) return undefined;
  const starts = Object.entries(failures).filter(([key]) => key.startsWith('start-container'));
  const deadline = deletion && new Date(endingSince.getTime() + deletion.gracePeriodSeconds * 1000).toISOString();
  return {
    pod,
    handler,
    status: previous,
    ...(deadline !== undefined && { deadline }),
    observed: { failures: Object.fromEntries(starts), restartDelays, owedRestarts, failedProbes, eviction },
  };
}

export function writeMemory(memory: PodMemory): string {
  return JSON.stringify({ version, ...memory });
}

/** Undefined for a text that isn't one of ours: the pod is looked at as if it were new. */
export function readMemory(text: string): PodMemory | undefined {
  try {
    const { version: written, ...memory } = JSON.parse(text, revive) as PodMemory & { version: number };
    return written === version && memory.pod.metadata?.uid ? memory : undefined;
  } catch {
    return undefined;
  }
}

function revive(key: string, value: unknown): unknown {
  return timeFields.has(key) && typeof value === 'string' ? new Date(value) : value;
}
