import type { Pod } from '@berth/api/objects';
import type { BackOff } from '../plan/back-off.ts';
import type { ObservedPod } from '../plan/observed-pod.ts';
import type { Wait } from '../plan/wait.ts';
import type { ProbeAnswer } from '../probes/instance-probes.ts';
import type { PodTrace } from '../trace/pod-traces.ts';

/** All that is known of a pod. */
export interface Facts {
  /** With its status. */
  pod: Pod;
  /** Undefined: another pod of its name has to end first. */
  observed: ObservedPod | undefined;
  /** What holds up the whole pod. */
  trouble?: Wait | undefined;
  trace: PodTrace;
  answers: ProbeAnswer[];
  backOff: BackOff;
}

/** Whether the pod is over or is to end, and nothing is made for it any more. A refused one has never begun. */
export function isEnding({ pod, observed }: Facts): boolean {
  const { phase } = pod.status ?? {};
  return observed?.deletion !== undefined || phase === 'Succeeded' || phase === 'Failed';
}
