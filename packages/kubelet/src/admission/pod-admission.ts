import type { Refusal } from '../plan/observed-pod.ts';
import type { AdmitHandler, AdmitRequest } from './admit-handler.ts';

/** Asks a chain of handlers whether the node takes a pod. */
export class PodAdmission {
  readonly #handlers: readonly AdmitHandler[];

  constructor(handlers: readonly AdmitHandler[]) {
    this.#handlers = handlers;
  }

  /** The first refusal, with the message that the pod's status gets. */
  admit(request: AdmitRequest): Refusal | undefined {
    for (const handler of this.#handlers) {
      const refusal = handler.admit(request);
      if (refusal) return rejection(refusal);
    }
    return undefined;
  }
}

/** A refusal with the message that the pod's status gets. */
export function rejection({ reason, message }: Refusal): Refusal {
  return { reason, message: `Pod was rejected: ${message}` };
}
