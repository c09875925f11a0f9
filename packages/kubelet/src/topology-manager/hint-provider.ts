import type { Container, Pod } from '@berth/api/objects';
import type { Refusal } from '../plan/observed-pod.ts';
import type { NumaMask } from './numa-mask.ts';

/** Where a resource could come from. */
export interface TopologyHint {
  /** Undefined: any NUMA node is as good as another. */
  affinity: NumaMask | undefined;
  /** No smaller set of NUMA nodes could have it, were the machine empty. */
  preferred: boolean;
}

/** Where nothing is decided. */
export const anyNode: TopologyHint = { affinity: undefined, preferred: false };

/** By resource name. Undefined or no entry: the provider has no preference. An empty list: the resource can't be had at all. */
export type ResourceHints = ReadonlyMap<string, TopologyHint[] | undefined>;

/**
 * Hands out a resource that is near to some NUMA nodes and not to others: CPUs, memory, devices. The topology manager asks all providers
 * for hints, merges them, and has each allocate by the result. All calls are made within the sync loop and may not wait; what was given to
 * a container stays its own, after a restart of the kubelet too, until release(): asked again, a provider gives the hints of what the
 * container has, and allocates nothing new.
 */
export interface HintProvider {
  containerHints(pod: Pod, container: Container): ResourceHints;
  /** For all containers of the pod at once; init containers run before the others, and hand their share on. */
  podHints(pod: Pod): ResourceHints;
  /** The pod ran before the kubelet was started: what it has stays its own, even if no state tells of it. Left out: nothing is to be done for that. */
  adopt?(pod: Pod): void;
  /** Whether the container is to have something, and has nothing yet. */
  lacks(pod: Pod, container: Container): boolean;
  /** Called for every container in their order, init containers first. A refusal, with its reason, if the node doesn't have that much. */
  allocate(pod: Pod, container: Container, hint: TopologyHint): Refusal | undefined;
  /** Nothing of the pod is in use any more. A pod that has nothing is no error. */
  release(uid: string): void;
  /** The uids of all pods that have something. */
  holders(): string[];
}

/** A refusal that nobody expects of a pod which the scheduler sent here: the reason is kubelet's. */
export function unexpectedRefusal(what: string): Refusal {
  return { reason: 'UnexpectedAdmissionError', message: `Allocate failed due to ${what}, which is unexpected` };
}
