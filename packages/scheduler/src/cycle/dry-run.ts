import type { NodeInfo, PodInfo } from '@berth/sdk/scheduler';
import type { CycleState } from '../cycle-state.ts';
import type { DryRun, FilterPlugin, PluginRefusal, PreFilterExtensions } from '../framework.ts';
import { type NodeState, withoutPod, withPod } from '../node-state.ts';
import type { Profile } from '../profile.ts';
import { ask } from './ask.ts';
import { filterNode, filterPlugins } from './filter.ts';
import type { Candidates } from './pre-filter.ts';

/** Tries on one node what Filter would say of a pod, on copies of the node and of the cycle's state. */
export class NodeDryRun implements DryRun {
  readonly #filters: readonly FilterPlugin[];
  readonly #extensions: readonly PreFilterExtensions[];
  readonly #state: CycleState;
  readonly #pod: PodInfo;
  #node: NodeState;

  /** `state` is as PreFilter has left it, and stays so. */
  constructor(profile: Profile, candidates: Candidates, state: CycleState, pod: PodInfo, node: NodeState) {
    this.#filters = filterPlugins(profile, candidates);
    this.#extensions = profile.preFilter.filter(hasExtensions).filter(({ name }) => !candidates.skipped.has(name));
    this.#state = state.clone();
    this.#pod = pod;
    this.#node = node;
  }

  get node(): NodeInfo {
    return this.#node;
  }

  addPod(added: PodInfo): void {
    if (this.#node.pods.has(added.uid)) return;
    const node = withPod(this.#node, added, this.#node.generation);
    this.#node = node;
    for (const plugin of this.#extensions) ask(plugin, 'preFilter', () => plugin.addPod(this.#state, this.#pod, added, node));
  }

  removePod({ uid }: PodInfo): void {
    const removed = this.#node.pods.get(uid);
    if (!removed) return;
    const node = withoutPod(this.#node, removed, this.#node.generation);
    this.#node = node;
    for (const plugin of this.#extensions) ask(plugin, 'preFilter', () => plugin.removePod(this.#state, this.#pod, removed, node));
  }

  filter(): PluginRefusal | undefined {
    return filterNode(this.#filters, this.#state, this.#pod, this.#node);
  }
}

function hasExtensions(plugin: Partial<PreFilterExtensions>): plugin is PreFilterExtensions {
  return plugin.addPod !== undefined && plugin.removePod !== undefined;
}
