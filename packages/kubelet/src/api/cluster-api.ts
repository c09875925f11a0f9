import type { Event, Lease, Node, Pod } from '@berth/api/objects';

/**
 * The cluster that a kubelet belongs to, as far as it needs one; a kubelet without an API server has none, and runs its static pods all
 * the same. Every call may be repeated. Errors are PluginErrors: NOT_FOUND for what isn't there, ABORTED where the object has changed
 * meanwhile, UNAVAILABLE while nobody answers.
 */
export interface ClusterApi {
  /** All pods bound to the node, anew whenever one of them changes; a pod that is to end has a deletionTimestamp. Ends when `signal` aborts; doesn't throw. */
  pods(nodeName: string, signal: AbortSignal): AsyncIterable<Pod[]>;
  /** Makes a mirror pod of a static one. */
  createPod(pod: Pod, signal: AbortSignal): Promise<Pod>;
  updatePodStatus(pod: Pod, signal: AbortSignal): Promise<void>;
  /** Removes a pod that has ended; no grace is left by then. A pod of another uid stays. */
  deletePod(pod: Pod, signal: AbortSignal): Promise<void>;
  /** Makes the node's object, or brings its labels, taints and status up to date. */
  applyNode(node: Node, signal: AbortSignal): Promise<void>;
  /** Makes or renews the node's lease. */
  applyLease(lease: Lease, signal: AbortSignal): Promise<void>;
  /** Makes an event, or counts it up. */
  applyEvent(event: Event, signal: AbortSignal): Promise<void>;
}
