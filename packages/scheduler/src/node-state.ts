import type { Node } from '@berth/api/objects';
import { allocatableOf, type ResourceAmounts } from '@berth/api/resource-amounts';
import type { NodeInfo, PodInfo } from '@berth/sdk/scheduler';
import { scoredRequests } from './pod-info.ts';

/**
 * A node in the cache, at one generation. A change makes another one, so that a snapshot, a cycle and a call to a plugin can keep theirs.
 */
export interface NodeState extends NodeInfo {
  /** `requested` with pods that request nothing counted as a little; what scores go by. */
  readonly scoredRequested: ResourceAmounts;
  /** Grows with every change of any node. */
  readonly generation: bigint;
}

/** A node with its pods. */
export function nodeState(node: Node, pods: Iterable<PodInfo>, generation: bigint): NodeState {
  const bare: NodeState = {
    name: node.metadata?.name ?? '',
    node,
    allocatable: allocatableOf(node),
    pods: new Map(),
    requested: new Map(),
    scoredRequested: new Map(),
    generation,
  };
  return [...pods].reduce((state, pod) => withPod(state, pod, generation), bare);
}

/** The node as its object has become, with the pods that it has. */
export function withNode(state: NodeState, node: Node, generation: bigint): NodeState {
  return { ...state, node, allocatable: allocatableOf(node), generation };
}

/** The node with one pod more. */
export function withPod(state: NodeState, pod: PodInfo, generation: bigint): NodeState {
  return {
    ...state,
    pods: new Map(state.pods).set(pod.uid, pod),
    requested: sum(state.requested, pod.requests, 1n),
    scoredRequested: sum(state.scoredRequested, scoredRequests(pod), 1n),
    generation,
  };
}

/** The node with one of its pods less. */
export function withoutPod(state: NodeState, pod: PodInfo, generation: bigint): NodeState {
  const pods = new Map(state.pods);
  pods.delete(pod.uid);
  return {
    ...state,
    pods,
    requested: sum(state.requested, pod.requests, -1n),
    scoredRequested: sum(state.scoredRequested, scoredRequests(pod), -1n),
    generation,
  };
}

function sum(total: ResourceAmounts, amounts: ResourceAmounts, sign: 1n | -1n): ResourceAmounts {
  const result = new Map(total);
  for (const [name, amount] of amounts) {
    const left = (result.get(name) ?? 0n) + sign * amount;
    if (left === 0n) result.delete(name);
    else result.set(name, left);
  }
  return result;
}
