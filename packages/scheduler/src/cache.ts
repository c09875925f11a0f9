import type { Node } from '@berth/api/objects';
import type { PodInfo } from '@berth/sdk/scheduler';
import { type NodeState, nodeState, withNode, withoutPod, withPod } from './node-state.ts';
import { Snapshot } from './snapshot.ts';

/**
 * What the scheduler knows of the cluster: nodes, the pods on them, and the pods that it has placed itself but that nobody has
 * confirmed yet (assumed ones). A pod whose node isn't known is kept until the node comes.
 */
export class Cache {
  readonly #nodes = new Map<string, NodeState>();
  /** By the name of their node, which isn't known, then by uid. */
  readonly #orphans = new Map<string, Map<string, PodInfo>>();
  readonly #nodeOfPod = new Map<string, string>();
  readonly #assumed = new Set<string>();
  /** Nodes that the last snapshot doesn't have as they are. */
  readonly #changed = new Set<string>();
  #membersChanged = false;
  #generation = 0n;
  #snapshot = Snapshot.empty;

  /** Adds a node, or takes its new state. */
  setNode(node: Node): NodeState {
    const name = node.metadata?.name ?? '';
    const before = this.#nodes.get(name);
    const generation = this.#nextGeneration();
    const state = before ? withNode(before, node, generation) : nodeState(node, this.#orphans.get(name)?.values() ?? [], generation);
    this.#orphans.delete(name);
    this.#membersChanged ||= !before;
    this.#keep(state);
    return state;
  }

  /** Its pods are kept in case it comes back. Gives what it was. */
  removeNode(name: string): NodeState | undefined {
    const before = this.#nodes.get(name);
    if (!before) return undefined;
    this.#nextGeneration();
    this.#nodes.delete(name);
    this.#membersChanged = true;
    if (before.pods.size > 0) this.#orphans.set(name, new Map(before.pods));
    return before;
  }

  /** Adds a pod to the node that it runs on, or takes its new state; an assumed one is confirmed by that. */
  setPod(pod: PodInfo, nodeName: string): void {
    this.removePod(pod.uid);
    this.#put(pod, nodeName);
  }

  /** Counts a pod as being on its node from the moment that it was placed, so that the next one sees it. */
  assumePod(pod: PodInfo, nodeName: string): void {
    if (this.#nodeOfPod.has(pod.uid)) return;
    this.#put(pod, nodeName);
    this.#assumed.add(pod.uid);
  }

  /** Takes an assumption back; a pod that was confirmed stays. */
  forgetPod(uid: string): void {
    if (this.#assumed.has(uid)) this.removePod(uid);
  }

  /** Gives the name of the node that it was on. */
  removePod(uid: string): string | undefined {
    const nodeName = this.#nodeOfPod.get(uid);
    if (nodeName === undefined) return undefined;
    this.#nodeOfPod.delete(uid);
    this.#assumed.delete(uid);
    this.#orphans.get(nodeName)?.delete(uid);
    const before = this.#nodes.get(nodeName);
    const pod = before?.pods.get(uid);
    if (before && pod) this.#keep(withoutPod(before, pod, this.#nextGeneration()));
    return nodeName;
  }

  node(name: string): NodeState | undefined {
    return this.#nodes.get(name);
  }

  /** The name of the node that a pod is on. */
  nodeOf(uid: string): string | undefined {
    return this.#nodeOfPod.get(uid);
  }

  /** The nodes as they are now. Only what changed since the last snapshot is made anew. */
  snapshot(): Snapshot {
    if (this.#membersChanged) this.#snapshot = Snapshot.of([...this.#nodes.values()], this.#generation);
    else if (this.#changed.size > 0) this.#snapshot = this.#snapshot.with(this.#changedNodes(), this.#generation);
    this.#membersChanged = false;
    this.#changed.clear();
    return this.#snapshot;
  }

  #changedNodes(): NodeState[] {
    return [...this.#changed].flatMap((name) => this.#nodes.get(name) ?? []);
  }

  #put(pod: PodInfo, nodeName: string): void {
    this.#nodeOfPod.set(pod.uid, nodeName);
    const node = this.#nodes.get(nodeName);
    if (node) this.#keep(withPod(node, pod, this.#nextGeneration()));
    else this.#orphans.set(nodeName, (this.#orphans.get(nodeName) ?? new Map()).set(pod.uid, pod));
  }

  #keep(state: NodeState): void {
    this.#nodes.set(state.name, state);
    this.#changed.add(state.name);
  }

  #nextGeneration(): bigint {
    this.#generation += 1n;
    return this.#generation;
  }
}
