import {
  type Container,
  ContainerState,
  ListContainersRequest,
  ListPodSandboxRequest,
  type PodSandbox,
  PodSandboxState,
  RemoveContainerRequest,
  RemovePodSandboxRequest,
} from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { Clock } from '../clock.ts';
import { containerNameLabel, kubeletRootAnnotation, podUidLabel } from '../cri/labels.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';

/** Which dead containers stay, as kubelet's flags say. */
export interface ContainerGcOptions {
  /** One that was made less than this ago stays (--minimum-container-ttl-duration), in milliseconds. */
  minAgeMs: number;
  /** So many dead instances of each container stay (--maximum-dead-containers-per-container); negative: all. */
  maxPerPodContainer: number;
  /** So many in all, the newest first (--maximum-dead-containers); negative: no limit. */
  maxContainers: number;
}

/** kubelet's. */
const defaultContainerGc: ContainerGcOptions = { minAgeMs: 0, maxPerPodContainer: 1, maxContainers: -1 };

interface ContainerGcParts {
  runtimes: readonly RuntimeClient[];
  clock: Clock;
  /** Of this kubelet: what others made in the runtime is left alone. */
  kubeletRoot: string;
  /** Whether the kubelet still has the pod: then its newest dead instances and its newest sandbox stay. */
  isKnown(uid: string): boolean;
}

const deadlineMs = 120_000;

/** Removes dead containers that nobody will ask about, and dead sandboxes without containers (kuberuntime_gc.go). */
export class ContainerGc {
  readonly #options: ContainerGcOptions;
  readonly #parts: ContainerGcParts;

  constructor(options: Partial<ContainerGcOptions>, parts: ContainerGcParts) {
    this.#options = { ...defaultContainerGc, ...options };
    this.#parts = parts;
  }

  /** One turn over all runtimes. One that can't be removed keeps no other from it; the first failure is thrown at the end. */
  async collect(signal: AbortSignal): Promise<void> {
    const errors: unknown[] = [];
    for (const client of this.#parts.runtimes) {
      if (client.onDemand?.started === false) continue;
      await this.#collectIn(client, signal).catch((error: unknown) => errors.push(error));
    }
    const [first] = errors;
    if (first) throw PluginError.from(first);
  }

  async #collectIn(client: RuntimeClient, signal: AbortSignal): Promise<void> {
    const { items } = await client.runtime.listPodSandbox(ListPodSandboxRequest.create(), { signal, deadlineMs });
    const sandboxes = items.filter(({ annotations }) => annotations[kubeletRootAnnotation] === this.#parts.kubeletRoot);
    const ours = new Set(sandboxes.map(({ id }) => id));
    const { containers } = await client.runtime.listContainers(ListContainersRequest.create(), { signal, deadlineMs });
    const inOurs = containers.filter(({ podSandboxId }) => ours.has(podSandboxId));
    const removed = new Set(this.#superfluousContainers(inOurs).map(({ id }) => id));
    for (const containerId of removed)
      await client.runtime.removeContainer(RemoveContainerRequest.create({ containerId }), { signal, deadlineMs });
    const used = new Set(inOurs.filter(({ id }) => !removed.has(id)).map(({ podSandboxId }) => podSandboxId));
    for (const podSandboxId of this.#superfluousSandboxes(
      sandboxes.filter(({ id }) => !used.has(id)),
      sandboxes,
    ))
      await client.runtime.removePodSandbox(RemovePodSandboxRequest.create({ podSandboxId }), { signal, deadlineMs });
  }

  #superfluousContainers(containers: Container[]): Container[] {
    const { minAgeMs, maxPerPodContainer, maxContainers } = this.#options;
    const oldest = this.#parts.clock.now().getTime() - minAgeMs;
    const dead = containers
      .filter(({ state, createdAt }) => isDead(state) && Number(createdAt / 1_000_000n) <= oldest)
      .toSorted(newestFirst);
    const kept = [...Map.groupBy(dead, instanceKey).values()].flatMap((instances) => {
      if (!this.#parts.isKnown(uidOf(instances[0]))) return [];
      return maxPerPodContainer < 0 ? instances : instances.slice(0, maxPerPodContainer);
    });
    const stay = new Set(maxContainers < 0 ? kept : kept.toSorted(newestFirst).slice(0, maxContainers));
    return dead.filter((container) => !stay.has(container));
  }

  /** Dead and empty ones, but for the newest of a pod that is known, which tells that the pod had one. */
  #superfluousSandboxes(empty: PodSandbox[], all: PodSandbox[]): string[] {
    const newest = new Set([...Map.groupBy(all, uidOf).values()].map((sandboxes) => sandboxes.toSorted(newestFirst)[0]?.id));
    return empty
      .filter((sandbox) => sandbox.state === PodSandboxState.SANDBOX_NOTREADY)
      .filter((sandbox) => !(newest.has(sandbox.id) && this.#parts.isKnown(uidOf(sandbox))))
      .map(({ id }) => id);
  }
}

/** One that was made and not started is its worker's business. */
function isDead(state: ContainerState): boolean {
  return state === ContainerState.CONTAINER_EXITED;
}

function uidOf(object: { labels: Record<string, string> } | undefined): string {
  return object?.labels[podUidLabel] ?? '';
}

function instanceKey(container: Container): string {
  return `${uidOf(container)} ${container.labels[containerNameLabel]}`;
}

function newestFirst(a: { createdAt: bigint }, b: { createdAt: bigint }): number {
  return Number(b.createdAt - a.createdAt);
}
