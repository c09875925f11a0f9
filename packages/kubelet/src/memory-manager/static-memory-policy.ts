import type { Container, Pod } from '@berth/api/objects';
import { CpuSet } from '../machine/cpu-set.ts';
import type { MachineTopology } from '../machine/machine-topology.ts';
import type { Refusal } from '../plan/observed-pod.ts';
import { specOf, uidOf } from '../pod.ts';
import { type HintProvider, type ResourceHints, type TopologyHint, unexpectedRefusal } from '../topology-manager/hint-provider.ts';
import { maskOf, type NumaMask, nodesOf } from '../topology-manager/numa-mask.ts';
import { bestHint, breaksGroup, memoryHints } from './memory-hints.ts';
import { type MemoryRequests, memoryRequests, podMemoryRequests } from './memory-requests.ts';
import type { MemoryBlock, MemoryState, MemoryStateFile } from './memory-state.ts';
import { releaseBlock, reserveBlock, sumOf } from './node-memory.ts';
import { emptyNodeMemory, type ReservedMemory } from './reserved-memory.ts';
import { settleMemoryState } from './settle-memory-state.ts';

/**
 * Kubelet's policy Static: the memory and huge pages that a container of a Guaranteed pod requests are set aside on as few NUMA nodes as
 * have them, and the container is held to these nodes. What an init container had goes to the containers after it.
 */
export class StaticMemoryPolicy implements HintProvider {
  readonly #file: MemoryStateFile;
  readonly #state: MemoryState;
  /** Bytes that ended init containers of a pod had and no later container has yet: by uid, by nodes and resource. */
  readonly #reusable = new Map<string, Map<string, number>>();

  /** FAILED_PRECONDITION if the state file can't be gone on with; INVALID_ARGUMENT for reservations that this machine doesn't have. */
  constructor(machine: MachineTopology, reserved: readonly ReservedMemory[], file: MemoryStateFile) {
    this.#file = file;
    this.#state = settleMemoryState(emptyNodeMemory(machine, reserved), file);
  }

  /** The NUMA nodes that the container is held to; undefined for one that has no memory of its own. */
  nodesOf(uid: string, container: string): CpuSet | undefined {
    const blocks = this.#state.entries.get(uid)?.get(container);
    return blocks && new CpuSet(blocks.flatMap(({ numaAffinity }) => numaAffinity));
  }

  /** What the container has for itself. */
  blocksOf(uid: string, container: string): readonly MemoryBlock[] {
    return this.#state.entries.get(uid)?.get(container) ?? [];
  }

  /** What containers can have for themselves, were there none. */
  allocatable(): MemoryBlock[] {
    return [...this.#state.nodes].flatMap(([node, { memoryMap }]) =>
      Object.entries(memoryMap)
        .filter(([, { allocatable }]) => allocatable > 0)
        .map(([type, { allocatable }]) => ({ numaAffinity: [node], type, size: allocatable })),
    );
  }

  holders(): string[] {
    return [...this.#state.entries.keys()];
  }

  lacks(pod: Pod, container: Container): boolean {
    return memoryRequests(pod, container).size > 0 && !this.nodesOf(uidOf(pod), container.name);
  }

  containerHints(pod: Pod, container: Container): ResourceHints {
    const requests = memoryRequests(pod, container);
    const own = this.#state.entries.get(uidOf(pod))?.get(container.name);
    return own ? ownHints(own, requests) : this.#hints(pod, requests);
  }

  podHints(pod: Pod): ResourceHints {
    const requests = podMemoryRequests(pod);
    const own = [...(this.#state.entries.get(uidOf(pod))?.values() ?? [])].flat();
    return own.length > 0 ? ownHints(own, requests) : this.#hints(pod, requests);
  }

  allocate(pod: Pod, container: Container, { affinity, preferred }: TopologyHint): Refusal | undefined {
    const requests = memoryRequests(pod, container);
    if (requests.size === 0) return undefined;
    const own = this.#state.entries.get(uidOf(pod))?.get(container.name);
    if (own) return this.#handOn(pod, container, own);
    const hint = this.#extended(pod, requests, affinity);
    if (!hint?.affinity)
      return unexpectedRefusal('[memorymanager] failed to get the default NUMA affinity, no NUMA nodes with enough memory is available');
    if (preferred && !hint.preferred) return unexpectedRefusal('[memorymanager] failed to find the extended preferred hint');
    if (breaksGroup(this.#state.nodes, hint.affinity))
      return unexpectedRefusal('[memorymanager] preferred hint violates NUMA node allocation');
    return this.#reserve(pod, container, requests, hint.affinity);
  }

  release(uid: string): void {
    this.#reusable.delete(uid);
    const entries = this.#state.entries.get(uid);
    if (!entries) return;
    this.#state.entries.delete(uid);
    for (const block of [...entries.values()].flat()) releaseBlock(this.#state.nodes, block);
    this.#file.save(this.#state);
  }

  #hints(pod: Pod, requests: MemoryRequests): ResourceHints {
    const hints = memoryHints(this.#state.nodes, requests, (mask, resource) => this.#reusableOf(pod, mask, resource));
    return new Map([...requests.keys()].map((resource) => [resource, hints]));
  }

  /** The affinity if it has enough memory, else one that does: the best of all, or one around it. */
  #extended(pod: Pod, requests: MemoryRequests, affinity: NumaMask | undefined): TopologyHint | undefined {
    const { nodes } = this.#state;
    const has = (mask: NumaMask) =>
      [...requests].every(
        ([resource, size]) => sumOf(nodes, nodesOf(mask), resource, 'free') + this.#reusableOf(pod, mask, resource) >= size,
      );
    if (affinity !== undefined && has(affinity)) return { affinity, preferred: true };
    return bestHint(
      memoryHints(nodes, requests, (mask, resource) => this.#reusableOf(pod, mask, resource)),
      affinity,
    );
  }

  #reserve(pod: Pod, container: Container, requests: MemoryRequests, mask: NumaMask): undefined {
    const uid = uidOf(pod);
    const blocks = [...requests].map(([type, size]): MemoryBlock => ({ numaAffinity: nodesOf(mask), type, size }));
    for (const block of blocks) {
      const reused = Math.min(this.#reusableOf(pod, mask, block.type), block.size);
      reserveBlock(this.#state.nodes, block, block.size - reused);
      this.#takeOver(pod, block, reused);
    }
    this.#state.entries.set(uid, new Map([...(this.#state.entries.get(uid) ?? []), [container.name, blocks]]));
    this.#file.save(this.#state);
    return this.#handOn(pod, container, blocks);
  }

  /** What a container uses again no longer counts as that of the init containers which had it. */
  #takeOver(pod: Pod, { numaAffinity, type }: MemoryBlock, reused: number): void {
    let left = reused;
    for (const { name } of specOf(pod).initContainers ?? []) {
      for (const block of this.#state.entries.get(uidOf(pod))?.get(name) ?? []) {
        if (block.type !== type || maskOf(block.numaAffinity) !== maskOf(numaAffinity)) continue;
        const part = Math.min(block.size, left);
        block.size -= part;
        left -= part;
      }
    }
    this.#addReusable(pod, maskOf(numaAffinity), type, -reused);
  }

  /** An init container that isn't a sidecar leaves its memory to the containers after it. */
  #handOn(pod: Pod, container: Container, blocks: MemoryBlock[]): undefined {
    if (!(specOf(pod).initContainers ?? []).includes(container) || container.restartPolicy === 'Always') return;
    for (const { numaAffinity, type, size } of blocks) this.#addReusable(pod, maskOf(numaAffinity), type, size);
  }

  #reusableOf(pod: Pod, mask: NumaMask, resource: string): number {
    return this.#reusable.get(uidOf(pod))?.get(`${mask} ${resource}`) ?? 0;
  }

  #addReusable(pod: Pod, mask: NumaMask, resource: string, size: number): void {
    const ofPod = this.#reusable.get(uidOf(pod)) ?? new Map<string, number>();
    this.#reusable.set(uidOf(pod), ofPod.set(`${mask} ${resource}`, this.#reusableOf(pod, mask, resource) + size));
  }
}

/** The nodes that the container or pod has already; nothing if it asks for another amount now. */
function ownHints(blocks: MemoryBlock[], requests: MemoryRequests): ResourceHints {
  const mask = maskOf(blocks.flatMap(({ numaAffinity }) => numaAffinity));
  const same = [...requests.keys()].every((resource) => blocks.some(({ type }) => type === resource));
  return new Map([...requests.keys()].map((resource) => [resource, same ? [{ affinity: mask, preferred: true }] : []]));
}
