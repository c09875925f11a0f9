/** What the node removes of its own before it evicts a pod. Both resolve when it is done; what can't be removed stays, and is logged. */
export interface NodeReclaim {
  /** Every dead container that no pod needs any more. */
  removeUnusedContainers(signal: AbortSignal): Promise<void>;
  /** Every image that no container uses. */
  removeUnusedImages(signal: AbortSignal): Promise<void>;
}
