import type { Pod } from '@berth/api/objects';
import type { BackOff } from '../plan/back-off.ts';
import { fullNameOf } from '../pod.ts';
import type { PodWorker } from '../pod-workers/pod-worker.ts';
import type { PodTraces } from '../trace/pod-traces.ts';
import { type Explanation, explain } from './explanation.ts';

/** Where what is known of a pod is found. */
interface Knowledge {
  /** Undefined: another pod of its name has to end first. */
  worker: PodWorker | undefined;
  traces: PodTraces;
  backOff: BackOff;
  now: Date;
}

/** Explains a pod, given with its status. */
export function explainPod(pod: Pod, { worker, traces, backOff, now }: Knowledge): Explanation {
  const trace = traces.of(fullNameOf(pod)) ?? { records: [], open: [], sandboxIds: [] };
  return explain({ pod, observed: worker?.observed, trouble: worker?.trouble, trace, answers: worker?.answers ?? [], backOff }, now);
}
