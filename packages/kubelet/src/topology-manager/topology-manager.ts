import type { Container, Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import type { MachineTopology } from '../machine/machine-topology.ts';
import type { Refusal } from '../plan/observed-pod.ts';
import { allContainers, uidOf } from '../pod.ts';
import type { HintProvider, ResourceHints, TopologyHint } from './hint-provider.ts';
import { type CompareMasks, closestNodes, lowestNodes } from './merge-hints.ts';
import { highestNode, maskOf, type NumaMask } from './numa-mask.ts';
import { decide, type TopologyManagerPolicy } from './policies.ts';

/** Named after the fields of KubeletConfiguration. */
export interface TopologyManagerOptions {
  topologyManagerPolicy: TopologyManagerPolicy;
  /** Whether the resources of each container or those of the whole pod are to be together. */
  topologyManagerScope: 'container' | 'pod';
  /** `prefer-closest-numa-nodes`: "true" or "false"; `max-allowable-numa-nodes`: a number from 8. */
  topologyManagerPolicyOptions: Readonly<Record<string, string>>;
}

/** Hints are sets of NUMA nodes, whose number doubles with each node. */
const defaultMostNodes = 8;

/** Asks the providers where a pod's resources could come from, decides by its policy, and has them allocate. */
export class TopologyManager {
  readonly #options: TopologyManagerOptions;
  readonly #providers: readonly HintProvider[];
  readonly #allNodes: NumaMask;
  readonly #compare: CompareMasks;

  /** INVALID_ARGUMENT for options that there aren't; FAILED_PRECONDITION on a machine with more NUMA nodes than the options allow. */
  constructor(options: TopologyManagerOptions, { numaNodes }: MachineTopology, providers: readonly HintProvider[]) {
    this.#options = options;
    this.#providers = providers;
    const { preferClosest, mostNodes } = readOptions(options.topologyManagerPolicyOptions);
    const ids = numaNodes.map(({ id }) => id);
    if (options.topologyManagerPolicy !== 'none') checkNodes(ids, mostNodes);
    this.#allNodes = maskOf(ids);
    const distances = new Map(numaNodes.map((node) => [node.id, node.distances]));
    this.#compare = preferClosest ? closestNodes((from, to) => distances.get(from)?.get(to) ?? 0) : lowestNodes;
  }

  /** Gives the pod what it asks for, or says why it can't have that; then nothing of it is kept that it didn't have before. */
  allocate(pod: Pod): Refusal | undefined {
    const hadBefore = new Set(this.#providers.filter((provider) => provider.holders().includes(uidOf(pod))));
    const refusal = this.#options.topologyManagerScope === 'pod' ? this.#allocateTogether(pod) : this.#allocateEach(pod);
    if (refusal) for (const provider of this.#providers) if (!hadBefore.has(provider)) provider.release(uidOf(pod));
    return refusal;
  }

  #allocateTogether(pod: Pod): Refusal | undefined {
    const { hint, admitted } = this.#decide((provider) => provider.podHints(pod));
    if (!admitted) return affinityRefusal;
    return firstOf(allContainers(pod), (container) => this.#give(pod, container, hint));
  }

  #allocateEach(pod: Pod): Refusal | undefined {
    return firstOf(allContainers(pod), (container) => {
      const { hint, admitted } = this.#decide((provider) => provider.containerHints(pod, container));
      return admitted ? this.#give(pod, container, hint) : affinityRefusal;
    });
  }

  #decide(hintsOf: (provider: HintProvider) => ResourceHints): { hint: TopologyHint; admitted: boolean } {
    const { topologyManagerPolicy: policy } = this.#options;
    const hints = policy === 'none' ? [] : this.#providers.map(hintsOf);
    return decide(policy, hints, this.#allNodes, this.#compare);
  }

  #give(pod: Pod, container: Container, hint: TopologyHint): Refusal | undefined {
    return firstOf(this.#providers, (provider) => provider.allocate(pod, container, hint));
  }
}

const affinityRefusal: Refusal = { reason: 'TopologyAffinityError', message: 'Resources cannot be allocated with Topology locality' };

function firstOf<T>(items: readonly T[], ask: (item: T) => Refusal | undefined): Refusal | undefined {
  for (const item of items) {
    const refusal = ask(item);
    if (refusal) return refusal;
  }
  return undefined;
}

function readOptions(written: Readonly<Record<string, string>>): { preferClosest: boolean; mostNodes: number } {
  const { 'prefer-closest-numa-nodes': closest = 'false', 'max-allowable-numa-nodes': most = `${defaultMostNodes}`, ...unknown } = written;
  for (const name of Object.keys(unknown)) {
    throw refused(name, 'there is no such option', 'use prefer-closest-numa-nodes or max-allowable-numa-nodes');
  }
  if (closest !== 'true' && closest !== 'false') throw refused('prefer-closest-numa-nodes', `${JSON.stringify(closest)} is no boolean`);
  if (!/^\d+$/.test(most) || Number(most) < defaultMostNodes) {
    throw refused('max-allowable-numa-nodes', `${JSON.stringify(most)} is no number from ${defaultMostNodes}`);
  }
  return { preferClosest: closest === 'true', mostNodes: Number(most) };
}

function refused(name: string, what: string, hint?: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', what, { object: `topologyManagerPolicyOptions[${name}]`, hint });
}

function checkNodes(ids: number[], mostNodes: number): void {
  if (ids.length <= mostNodes && ids.every((id) => id <= highestNode)) return;
  throw new PluginError('FAILED_PRECONDITION', `this machine has ${ids.length} NUMA nodes, and ${mostNodes} are allowed`, {
    object: 'topology manager',
    hint: `use the policy none, or topologyManagerPolicyOptions[max-allowable-numa-nodes]; node ids end at ${highestNode}`,
  });
}
