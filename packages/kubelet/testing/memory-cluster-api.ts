import type { Event, Lease, Node, Pod } from '@berth/api/objects';
import { onAbort } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';
import type { ClusterApi } from '../src/api/cluster-api.ts';
import { fullNameOf, nameOf, uidOf } from '../src/pod.ts';

/** Which call of the API is asked for, as a test fails it. */
type Call = 'createPod' | 'updatePodStatus' | 'deletePod' | 'applyNode' | 'applyLease' | 'applyEvent';

/** A cluster in memory. Tests put pods into it, see what the kubelet wrote, and let calls fail. */
export class MemoryClusterApi implements ClusterApi {
  /** By `namespace/name`. */
  readonly #pods = new Map<string, Pod>();
  readonly nodes = new Map<string, Node>();
  /** By node. */
  readonly leases = new Map<string, Lease>();
  /** Events as they were given last, by `namespace/name`. */
  readonly events = new Map<string, Event>();
  /** Each call with its object, in order: `createPod default/web`. */
  readonly calls: string[] = [];
  /** By call: what happens before it is answered; what it throws is the answer. */
  readonly faults = new Map<Call, () => Promise<void> | void>();
  readonly #watchers = new Set<() => void>();
  #lastUid = 0;

  /** The pod of that name as the cluster has it. */
  pod(fullName: string): Pod | undefined {
    return this.#pods.get(fullName);
  }

  /** All pods, of every node. */
  allPods(): Pod[] {
    return [...this.#pods.values()];
  }

  /** Puts a pod there, or changes it, as a user or the scheduler would. One without a uid gets its own. */
  put(pod: Pod): Pod {
    const given = { ...pod, metadata: { ...pod.metadata, namespace: pod.metadata?.namespace ?? 'default', uid: this.#uidFor(pod) } };
    this.#pods.set(fullNameOf(given), given);
    this.#changed();
    return given;
  }

  /** Asks for a pod's end: it gets a deletionTimestamp, and is gone once the kubelet deletes it. */
  markDeleted(fullName: string, gracePeriodSeconds = 30): void {
    const pod = this.#found(fullName);
    const deletion = { deletionTimestamp: new Date().toISOString(), deletionGracePeriodSeconds: gracePeriodSeconds };
    this.put({ ...pod, metadata: { ...pod.metadata, ...deletion } });
  }

  /** Takes a pod out as a forced deletion does. */
  remove(fullName: string): void {
    this.#pods.delete(fullName);
    this.#changed();
  }

  async *pods(nodeName: string, signal: AbortSignal): AsyncIterable<Pod[]> {
    let wake = Promise.withResolvers<void>();
    const ring = () => wake.resolve();
    this.#watchers.add(ring);
    const unsubscribe = onAbort([signal], ring);
    try {
      while (!signal.aborted) {
        wake = Promise.withResolvers();
        yield this.allPods().filter((pod) => pod.spec?.nodeName === nodeName);
        if (!signal.aborted) await wake.promise;
      }
    } finally {
      unsubscribe();
      this.#watchers.delete(ring);
    }
  }

  async createPod(pod: Pod, signal: AbortSignal): Promise<Pod> {
    await this.#called('createPod', fullNameOf(pod), signal);
    if (this.#pods.has(fullNameOf(pod)))
      throw new PluginError('ALREADY_EXISTS', 'there is one already', { object: `pod ${fullNameOf(pod)}` });
    return this.put({ ...pod, metadata: { ...pod.metadata, uid: undefined } });
  }

  async updatePodStatus(pod: Pod, signal: AbortSignal): Promise<void> {
    await this.#called('updatePodStatus', fullNameOf(pod), signal);
    const known = this.#sameUid(pod);
    this.put({ ...known, status: pod.status });
  }

  async deletePod(pod: Pod, signal: AbortSignal): Promise<void> {
    await this.#called('deletePod', fullNameOf(pod), signal);
    this.#sameUid(pod);
    this.remove(fullNameOf(pod));
  }

  async applyNode(node: Node, signal: AbortSignal): Promise<void> {
    await this.#called('applyNode', node.metadata?.name ?? '', signal);
    this.nodes.set(node.metadata?.name ?? '', node);
  }

  async applyLease(lease: Lease, signal: AbortSignal): Promise<void> {
    await this.#called('applyLease', lease.metadata?.name ?? '', signal);
    this.leases.set(lease.metadata?.name ?? '', lease);
  }

  async applyEvent(event: Event, signal: AbortSignal): Promise<void> {
    const name = `${event.metadata?.namespace}/${event.metadata?.name}`;
    await this.#called('applyEvent', name, signal);
    this.events.set(name, event);
  }

  #uidFor(pod: Pod): string {
    return uidOf(pod) || `api-${nameOf(pod)}-${++this.#lastUid}`;
  }

  #found(fullName: string): Pod {
    const pod = this.#pods.get(fullName);
    if (!pod) throw new PluginError('NOT_FOUND', 'there is none', { object: `pod ${fullName}` });
    return pod;
  }

  #sameUid(pod: Pod): Pod {
    const known = this.#found(fullNameOf(pod));
    if (uidOf(known) === uidOf(pod)) return known;
    throw new PluginError('ABORTED', `it has the uid ${uidOf(known)} now`, { object: `pod ${fullNameOf(pod)} of uid ${uidOf(pod)}` });
  }

  async #called(call: Call, subject: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.calls.push(`${call} ${subject}`);
    await this.faults.get(call)?.();
  }

  #changed(): void {
    for (const ring of this.#watchers) ring();
  }
}
