import type { ResourceAmounts } from '@berth/api/resource-amounts';
import type { PodInfo } from '@berth/sdk/scheduler';
import type { NodeDelta, Pod as PodMessage, SnapshotDelta } from '@berth/sdk/scheduler/protocol';
import type { NodeState } from '../node-state.ts';
import type { Snapshot } from '../snapshot.ts';

/** Below the 4 MiB that gRPC servers take by default, with room for what isn't counted. */
const defaultPartBytes = 3 * 1024 * 1024;
/** About what a message needs besides its objects. */
const overheadBytes = 256;

/**
 * The way from the snapshot that a plugin has to another, in parts of a size that any gRPC server takes: at least one, to be sent in
 * order. Without a base it begins from nothing.
 */
export function snapshotDeltas(
  session: string,
  base: Snapshot | undefined,
  snapshot: Snapshot,
  partBytes = defaultPartBytes,
): SnapshotDelta[] {
  const changed = snapshot.nodes.filter((node) => base?.get(node.name) !== node).map((node) => nodeDelta(base?.get(node.name), node));
  const removed = base && base.places !== snapshot.places ? base.nodes.map(({ name }) => name).filter((name) => !snapshot.get(name)) : [];
  const { generation } = snapshot;
  return parts(changed, partBytes).map((nodes, index) => ({
    session,
    base: index === 0 ? (base?.generation ?? 0n) : generation,
    generation,
    changed: nodes,
    removed: index === 0 ? removed : [],
  }));
}

/** A pod in the protocol's words. */
export function podMessage({ uid, pod, requests }: PodInfo): PodMessage {
  return { uid, object: json(pod), requests: record(requests) };
}

function nodeDelta(before: NodeState | undefined, after: NodeState): NodeDelta {
  const isWhole = before?.node !== after.node;
  return {
    name: after.name,
    object: isWhole ? json(after.node) : Buffer.alloc(0),
    allocatable: isWhole ? record(after.allocatable) : {},
    requested: record(after.requested),
    pods: [...after.pods.values()].filter((pod) => before?.pods.get(pod.uid) !== pod).map(podMessage),
    removedPods: [...(before?.pods.keys() ?? [])].filter((uid) => !after.pods.has(uid)),
  };
}

/** A node isn't divided: its pods are far fewer than would fill a part. */
function parts(deltas: readonly NodeDelta[], partBytes: number): NodeDelta[][] {
  let [current, bytes]: [NodeDelta[], number] = [[], 0];
  const result = [current];
  for (const delta of deltas) {
    const size = sizeOf(delta);
    if (current.length > 0 && bytes + size > partBytes) {
      [current, bytes] = [[], 0];
      result.push(current);
    }
    current.push(delta);
    bytes += size;
  }
  return result;
}

function sizeOf({ object, pods }: NodeDelta): number {
  return object.length + overheadBytes + pods.reduce((sum, pod) => sum + pod.object.length + overheadBytes, 0);
}

function record(amounts: ResourceAmounts): Record<string, bigint> {
  return Object.fromEntries(amounts);
}

function json(object: object): Buffer {
  return Buffer.from(JSON.stringify(object));
}
