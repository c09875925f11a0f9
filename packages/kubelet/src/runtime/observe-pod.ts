import type { ResourceRequirements } from '@berth/api/objects';
import {
  ContainerState,
  type ContainerStatus,
  ContainerStatusRequest,
  ListContainersRequest,
  ListPodSandboxRequest,
  type PodSandbox,
  PodSandboxState,
  PodSandboxStatusRequest,
} from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { containerNameLabel, definitionAnnotation, podUidLabel, resourcesAnnotation } from '../cri/labels.ts';
import type { ContainerInstance, InstanceState, ObservedPod, Sandbox } from '../plan/observed-pod.ts';
import type { RuntimeClient } from './runtime-client.ts';
import { terminationMessage } from './termination-message.ts';

/** What the runtime has of a pod, newest first. */
type Observation = Pick<ObservedPod, 'sandboxes' | 'containers'>;

/** Asks a runtime about one pod, and remembers what can't change any more. */
export class PodObserver {
  readonly #client: RuntimeClient;
  readonly #uid: string;
  /** Dead containers by id. */
  readonly #ended = new Map<string, ContainerInstance>();
  readonly #addresses = new Map<string, string[]>();

  constructor(client: RuntimeClient, uid: string) {
    this.#client = client;
    this.#uid = uid;
  }

  async observe(signal: AbortSignal): Promise<Observation> {
    const labelSelector = { [podUidLabel]: this.#uid };
    const [{ items }, { containers }] = await Promise.all([
      this.#client.runtime.listPodSandbox(ListPodSandboxRequest.create({ filter: { id: '', labelSelector } }), { signal }),
      this.#client.runtime.listContainers(ListContainersRequest.create({ filter: { id: '', podSandboxId: '', labelSelector } }), {
        signal,
      }),
    ]);
    const ours = containers.filter((container) => container.labels[podUidLabel] === this.#uid);
    const [sandboxes, instances] = await Promise.all([
      Promise.all(items.filter((item) => item.labels[podUidLabel] === this.#uid).map((item) => this.#sandbox(item, signal))),
      Promise.all(ours.map(({ id, podSandboxId }) => this.#container(id, podSandboxId, signal))),
    ]);
    this.#forget(new Set([...items, ...ours].map(({ id }) => id)));
    return { sandboxes: newestFirst(sandboxes), containers: newestFirst(instances) };
  }

  async #sandbox(item: PodSandbox, signal: AbortSignal): Promise<Sandbox | undefined> {
    const ready = item.state === PodSandboxState.SANDBOX_READY;
    const ips = this.#addresses.get(item.id) ?? (ready ? await this.#askAddresses(item.id, signal) : []);
    return ips && { id: item.id, attempt: item.metadata?.attempt ?? 0, ready, createdAt: date(item.createdAt), ips };
  }

  /** Undefined for a sandbox that is gone. */
  async #askAddresses(id: string, signal: AbortSignal): Promise<string[] | undefined> {
    const { status } = await this.#client.runtime
      .podSandboxStatus(PodSandboxStatusRequest.create({ podSandboxId: id }), { signal })
      .catch(goneIsNothing);
    if (!status) return undefined;
    const { ip = '', additionalIps = [] } = status.network ?? {};
    const ips = [ip, ...additionalIps.map((additional) => additional.ip)].filter((address) => address !== '');
    if (ips.length > 0) this.#addresses.set(id, ips);
    return ips;
  }

  async #container(id: string, sandboxId: string, signal: AbortSignal): Promise<ContainerInstance | undefined> {
    const known = this.#ended.get(id);
    if (known) return known;
    const { status } = await this.#client.runtime
      .containerStatus(ContainerStatusRequest.create({ containerId: id }), { signal })
      .catch(goneIsNothing);
    if (!status) return undefined;
    const instance = instanceOf(status, sandboxId);
    if (instance.state !== 'exited') return instance;
    const ended = { ...instance, message: await terminationMessage(status) };
    this.#ended.set(id, ended);
    return ended;
  }

  #forget(present: Set<string>): void {
    for (const remembered of [this.#ended, this.#addresses]) {
      for (const id of remembered.keys()) if (!present.has(id)) remembered.delete(id);
    }
  }
}

/** A sandbox or container may be removed between the listing and the question. */
function goneIsNothing(thrown: unknown): { status: undefined } {
  if (PluginError.from(thrown).code === 'NOT_FOUND') return { status: undefined };
  throw thrown;
}

const states: Partial<Record<ContainerState, InstanceState>> = {
  [ContainerState.CONTAINER_CREATED]: 'created',
  [ContainerState.CONTAINER_RUNNING]: 'running',
  [ContainerState.CONTAINER_EXITED]: 'exited',
};

function instanceOf(status: ContainerStatus, sandboxId: string): ContainerInstance {
  const definition = status.annotations[definitionAnnotation];
  return {
    id: status.id,
    name: status.labels[containerNameLabel] ?? status.metadata?.name ?? '',
    sandboxId,
    attempt: status.metadata?.attempt ?? 0,
    state: states[status.state] ?? 'unknown',
    createdAt: date(status.createdAt),
    ...(status.startedAt > 0n && { startedAt: date(status.startedAt) }),
    ...(status.finishedAt > 0n && { finishedAt: date(status.finishedAt) }),
    exitCode: status.exitCode,
    reason: status.reason,
    message: status.message,
    image: status.image?.userSpecifiedImage || status.image?.image || '',
    imageId: status.imageRef,
    ...(definition && { definition }),
    ...resourcesOf(status),
    ...userOf(status),
    ...recursiveReadOnlyOf(status),
  };
}

function userOf({ user }: ContainerStatus): Pick<ContainerInstance, 'user'> {
  if (!user?.linux) return {};
  const { uid, gid, supplementalGroups } = user.linux;
  const groups = supplementalGroups.map(Number);
  return { user: { uid: Number(uid), gid: Number(gid), ...(groups.length > 0 && { supplementalGroups: groups }) } };
}

function recursiveReadOnlyOf({ mounts }: ContainerStatus): Pick<ContainerInstance, 'recursiveReadOnlyMounts'> {
  const places = mounts.filter((mount) => mount.recursiveReadOnly).map(({ containerPath }) => containerPath);
  return places.length > 0 ? { recursiveReadOnlyMounts: places } : {};
}

/** What it was made with. The annotation is the kubelet's own, but others may write to a runtime too. */
function resourcesOf({ annotations }: ContainerStatus): Pick<ContainerInstance, 'resources'> {
  const text = annotations[resourcesAnnotation];
  if (text === undefined) return {};
  try {
    return { resources: JSON.parse(text) as ResourceRequirements };
  } catch {
    return {};
  }
}

/** CRI times are nanoseconds since the epoch. */
function date(nanoseconds: bigint): Date {
  return new Date(Number(nanoseconds / 1_000_000n));
}

/** Without those that were gone when they were asked about. */
function newestFirst<T extends { attempt: number; createdAt: Date }>(items: (T | undefined)[]): T[] {
  return items
    .filter((item) => item !== undefined)
    .toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || b.attempt - a.attempt);
}
