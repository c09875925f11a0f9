import type { ResourceAmounts } from '@berth/api/resource-amounts';
import type { NodeInfo, PodInfo, Refusal } from '@berth/sdk/scheduler';
import { z } from 'zod';
import type { CycleState } from '../cycle-state.ts';
import type { ClusterEvent, ClusterEventWithHint, EnqueueExtensions, FilterPlugin, ScorePlugin } from '../framework.ts';
import type { NodeState } from '../node-state.ts';
import { scoredRequests } from '../pod-info.ts';

/** NodeResourcesFitArgs, as far as they are honoured. */
export const nodeResourcesFitArgs = z.strictObject({
  apiVersion: z.literal('kubescheduler.config.k8s.io/v1').optional(),
  kind: z.literal('NodeResourcesFitArgs').optional(),
  ignoredResources: z.array(z.string()).default([]),
  ignoredResourceGroups: z.array(z.string()).default([]),
  scoringStrategy: z
    .strictObject({
      type: z.enum(['LeastAllocated', 'MostAllocated']).default('LeastAllocated'),
      resources: z
        .array(z.strictObject({ name: z.string().min(1), weight: z.int().min(1).max(100).default(1) }))
        .min(1)
        .default([
          { name: 'cpu', weight: 1 },
          { name: 'memory', weight: 1 },
        ]),
    })
    .prefault({}),
});

export type NodeResourcesFitArgs = z.infer<typeof nodeResourcesFitArgs>;

/** A node takes a pod if it has room for one more, and for all that it requests. By default, the emptier node is better. */
export class NodeResourcesFit implements FilterPlugin, ScorePlugin, EnqueueExtensions {
  readonly name = 'NodeResourcesFit';
  readonly #args: NodeResourcesFitArgs;

  constructor(args: NodeResourcesFitArgs = nodeResourcesFitArgs.parse({})) {
    this.#args = args;
  }

  eventsToRegister(): ClusterEventWithHint[] {
    return [
      { resource: 'Pod', actions: ['Delete'] },
      { resource: 'Node', actions: ['Add', 'Update'], hint: (pod, event) => this.#couldFit(pod, event) },
    ];
  }

  filter(_state: CycleState, pod: PodInfo, node: NodeInfo): Refusal | undefined {
    const reasons = BigInt(node.pods.size) + 1n > (node.allocatable.get('pods') ?? 0n) ? ['Too many pods'] : [];
    let isHopeless = false;
    for (const [name, request] of pod.requests) {
      const allocatable = node.allocatable.get(name) ?? 0n;
      if (request === 0n || request <= allocatable - (node.requested.get(name) ?? 0n) || this.#isIgnored(name)) continue;
      reasons.push(`Insufficient ${name}`);
      isHopeless ||= request > allocatable;
    }
    return reasons.length === 0 ? undefined : { code: isHopeless ? 'UnschedulableAndUnresolvable' : 'Unschedulable', reasons };
  }

  score(_state: CycleState, pod: PodInfo, node: NodeInfo): number {
    const { type, resources } = this.#args.scoringStrategy;
    let [sum, weights] = [0n, 0n];
    for (const { name, weight } of resources) {
      const capacity = node.allocatable.get(name) ?? 0n;
      if (capacity === 0n || (isScalar(name) && !pod.requests.get(name))) continue;
      sum += strategies[type](requestedWith(pod, node, name), capacity) * BigInt(weight);
      weights += BigInt(weight);
    }
    return weights === 0n ? 0 : Number(sum / weights);
  }

  /** Ignoring is for extended resources, which an extender of the cluster may look after. */
  #isIgnored(name: string): boolean {
    if (!name.includes('/')) return false;
    return this.#args.ignoredResources.includes(name) || this.#args.ignoredResourceGroups.includes(name.split('/')[0] ?? '');
  }

  #couldFit({ requests }: PodInfo, { node }: ClusterEvent): boolean {
    return [...requests].every(([name, amount]) => amount <= (node?.allocatable.get(name) ?? 0n) || this.#isIgnored(name));
  }
}

const strategies = {
  LeastAllocated: (requested: bigint, capacity: bigint) => (requested > capacity ? 0n : ((capacity - requested) * 100n) / capacity),
  MostAllocated: (requested: bigint, capacity: bigint) => ((requested > capacity ? capacity : requested) * 100n) / capacity,
};

/** What would be taken of the resource with the pod on the node. Of cpu and memory, pods that request nothing count a little. */
function requestedWith(pod: PodInfo, node: NodeInfo, name: string): bigint {
  const counted = name === 'cpu' || name === 'memory';
  // The scheduler hands out no other nodes than those of its snapshots.
  const ofNode: ResourceAmounts = counted ? (node as NodeState).scoredRequested : node.requested;
  const ofPod = counted ? scoredRequests(pod) : pod.requests;
  return (ofNode.get(name) ?? 0n) + (ofPod.get(name) ?? 0n);
}

function isScalar(name: string): boolean {
  return name !== 'cpu' && name !== 'memory' && name !== 'ephemeral-storage';
}
