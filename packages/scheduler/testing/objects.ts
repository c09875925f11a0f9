import { defaultPod } from '@berth/api/defaults';
import type { Node, Pod, PodSpec } from '@berth/api/objects';
import { type NodeState, nodeState } from '../src/node-state.ts';
import { podInfo } from '../src/pod-info.ts';

type Amounts = Record<string, string>;

/** A node with room for all but the greatest pods. */
export function makeNode(
  name: string,
  { labels, allocatable, ...spec }: { labels?: Amounts; allocatable?: Amounts } & NonNullable<Node['spec']> = {},
): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels },
    spec,
    status: { allocatable: { cpu: '4', memory: '8Gi', pods: '110', ...allocatable } },
  };
}

/** A defaulted pod of one container. */
export function makePod(
  name: string,
  { labels, requests, ...spec }: { labels?: Amounts; requests?: Amounts } & Partial<PodSpec> = {},
): Pod {
  return defaultPod({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels },
    spec: { containers: [{ name: 'main', image: 'a:1', resources: { requests } }], ...spec },
  });
}

/** A node as a snapshot has it. */
export function stateOf(node: Node, pods: Pod[] = []): NodeState {
  return nodeState(node, pods.map(podInfo), 1n);
}
