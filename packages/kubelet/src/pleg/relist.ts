import {
  type ContainerEventResponse,
  ContainerEventType,
  ListContainersRequest,
  ListPodSandboxRequest,
  type PodSandbox,
} from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import { kubeletRootAnnotation, podNameLabel, podNamespaceLabel, podUidLabel } from '../cri/labels.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';

/** A pod as a runtime lists it. */
export interface ListedPod {
  uid: string;
  name: string;
  namespace: string;
  /** The kubelet that made it, by its root; undefined: not one of ours. */
  kubeletRoot: string | undefined;
}

/** What to list, and whom to tell. */
interface RelistOptions {
  client: RuntimeClient;
  /** How often it is listed at most. */
  intervalMs: number;
  log: Logger;
  /** Called for each pod of which something has changed since the list before. */
  onChange(uid: string): void;
}

/** A list that takes longer than this many intervals is given up. */
const patienceIntervals = 10;

/** Finds out what happened in a runtime by listing everything, and comparing that with the list before (kubelet's PLEG). */
export class Relist {
  readonly #options: RelistOptions;
  /** By sandbox. */
  #pods = new Map<string, ListedPod>();
  /** By pod: each sandbox and container with its state. */
  #states = new Map<string, string>();
  #complaint: string | undefined;
  #succeeded = false;

  constructor(options: RelistOptions) {
    this.#options = options;
  }

  get handler(): string {
    return this.#options.client.handler;
  }

  /** The pods of the last list; undefined until one has succeeded. */
  get pods(): ListedPod[] | undefined {
    if (!this.#succeeded) return undefined;
    return [...new Map([...this.#pods.values()].map((pod) => [pod.uid, pod])).values()];
  }

  /** What an event says of the pods that there are. */
  take({ containerId, containerEventType, podSandboxStatus }: ContainerEventResponse): void {
    if (!podSandboxStatus?.labels[podUidLabel]) return;
    const { id, labels, annotations } = podSandboxStatus;
    if (containerId === id && containerEventType === ContainerEventType.CONTAINER_DELETED_EVENT) this.#pods.delete(id);
    else this.#pods.set(id, listedPod({ labels, annotations }));
  }

  /** Lists once; whether that succeeded. */
  async list(signal: AbortSignal): Promise<boolean> {
    const { client, intervalMs } = this.#options;
    if (client.onDemand?.started === false) {
      // It has no pods, and the question would fail.
      this.#succeeded = true;
      return true;
    }
    const options = { signal, deadlineMs: intervalMs * patienceIntervals };
    try {
      const [{ items }, { containers }] = await Promise.all([
        client.runtime.listPodSandbox(ListPodSandboxRequest.create(), options),
        client.runtime.listContainers(ListContainersRequest.create(), options),
      ]);
      this.#pods = new Map(items.filter((item) => item.labels[podUidLabel]).map((item) => [item.id, listedPod(item)]));
      this.#succeeded = true;
      this.#tellChanges(statesByPod([...items, ...containers]));
      this.#recovered();
      return true;
    } catch (thrown) {
      if (!signal.aborted) this.#failed(PluginError.from(thrown).message);
      return false;
    }
  }

  #tellChanges(states: Map<string, string>): void {
    const before = this.#states;
    this.#states = states;
    for (const uid of new Set([...before.keys(), ...states.keys()])) {
      if (before.get(uid) !== states.get(uid)) this.#options.onChange(uid);
    }
  }

  /** One line as it fails, one as it works again. */
  #failed(message: string): void {
    if (this.#complaint === undefined)
      this.#options.log.warn({ handler: this.handler }, `runtime ${this.handler} can't be listed: ${message}`);
    this.#complaint = message;
  }

  #recovered(): void {
    if (this.#complaint !== undefined) this.#options.log.info({ handler: this.handler }, `runtime ${this.handler} can be listed again`);
    this.#complaint = undefined;
  }
}

function listedPod({ labels, annotations }: Pick<PodSandbox, 'labels' | 'annotations'>): ListedPod {
  return {
    uid: labels[podUidLabel] ?? '',
    name: labels[podNameLabel] ?? '',
    namespace: labels[podNamespaceLabel] ?? '',
    kubeletRoot: annotations[kubeletRootAnnotation],
  };
}

function statesByPod(objects: { id: string; state: number; labels: Record<string, string> }[]): Map<string, string> {
  const states = new Map<string, string>();
  for (const { id, state, labels } of objects.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const uid = labels[podUidLabel];
    if (uid) states.set(uid, `${states.get(uid) ?? ''}${id}:${state} `);
  }
  return states;
}
