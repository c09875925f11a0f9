import type { Pod } from '@berth/api/objects';
import type { Refusal } from '../plan/observed-pod.ts';

/** A pod that asks to be run. */
export interface AdmitRequest {
  pod: Pod;
  /** The pods that the node has admitted and that haven't ended, those that are ending among them; the asking one isn't. */
  others: readonly Pod[];
}

/**
 * One rule by which the node takes a pod or not. Handlers are asked in the order of their chain, until one refuses; what one keeps for a
 * pod it takes (cores, ports) is its own again once the pod isn't among `others` any more, since a later handler may refuse the pod.
 * Asked within the sync loop: a handler waits for nothing slow, and doesn't throw for what a pod may ask.
 */
export interface AdmitHandler {
  /** Why the pod can't run here, in kubelet's reasons; undefined: nothing against it. */
  admit(request: AdmitRequest): Refusal | undefined;
}
