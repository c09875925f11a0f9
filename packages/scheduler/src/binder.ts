import type { PodInfo } from '@berth/sdk/scheduler';

/** Makes a placement true: the API server's binding, or whatever stands for it. */
export interface Binder {
  /** Hands the pod to the node. Rejects if it couldn't: then nothing must have been handed over. */
  bind(pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<void>;
}
