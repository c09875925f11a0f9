import type { Node, Pod } from '@berth/api/objects';
import { PluginError } from '../errors.ts';
import type { NodeDelta, Pod as PodMessage, SnapshotDelta } from '../gen/scheduler.ts';
import type { NodeInfo, PodInfo } from '../scheduler.ts';

interface Session {
  generation: bigint;
  nodes: Map<string, NodeInfo>;
}

/** Schedulers that were away longest are forgotten: they send all again when they are back. */
const maxSessions = 4;

/** The plugin's end of the snapshot: the nodes of each scheduler that it serves, kept by deltas. */
export class SnapshotStore {
  /** Those used last come last. */
  readonly #sessions = new Map<string, Session>();

  /** The nodes after the delta; undefined, and nothing applied, if its base isn't the generation that is here. */
  apply(delta: SnapshotDelta): readonly NodeInfo[] | undefined {
    const known = delta.base === 0n ? { generation: 0n, nodes: new Map() } : this.#sessions.get(delta.session);
    if (known?.generation !== delta.base) return undefined;
    const nodes = changedNodes(known.nodes, delta);
    if (!nodes) return undefined;
    this.#keep(delta.session, { generation: delta.generation, nodes });
    return [...nodes.values()];
  }

  #keep(name: string, session: Session): void {
    this.#sessions.delete(name);
    this.#sessions.set(name, session);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > maxSessions && oldest !== undefined) this.#sessions.delete(oldest);
  }
}

/** Another map, so that whoever still judges the earlier generation keeps it; undefined if a changed node isn't known. */
function changedNodes(before: ReadonlyMap<string, NodeInfo>, { changed, removed }: SnapshotDelta): Map<string, NodeInfo> | undefined {
  if (changed.some(({ name, object }) => object.length === 0 && !before.has(name))) return undefined;
  const nodes = new Map(before);
  for (const name of removed) nodes.delete(name);
  for (const delta of changed) nodes.set(delta.name, changedNode(nodes.get(delta.name), delta));
  return nodes;
}

function changedNode(before: NodeInfo | undefined, delta: NodeDelta): NodeInfo {
  const pods = new Map(before?.pods);
  for (const uid of delta.removedPods) pods.delete(uid);
  for (const message of delta.pods) pods.set(message.uid, readPod(message));
  const isWhole = delta.object.length > 0;
  return {
    name: delta.name,
    node: isWhole ? (readJson(delta.object) as Node) : (before?.node as Node),
    allocatable: isWhole ? readAmounts(delta.allocatable) : (before?.allocatable ?? new Map()),
    requested: readAmounts(delta.requested),
    pods,
  };
}

/** A pod as the scheduler sent it. */
export function readPod({ uid, object, requests }: PodMessage): PodInfo {
  return { uid, pod: readJson(object) as Pod, requests: readAmounts(requests) };
}

function readAmounts(amounts: Record<string, bigint>): Map<string, bigint> {
  return new Map(Object.entries(amounts));
}

function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  } catch (thrown) {
    const { message } = PluginError.from(thrown);
    throw new PluginError('INVALID_ARGUMENT', `an object is no JSON: ${message}`, { hint: 'send what proto/scheduler.proto asks for' });
  }
}
