import {
  type Container,
  type ContainerEventResponse,
  ContainerEventType,
  ContainerState,
  type PodSandbox,
  PodSandboxState,
} from '@berth/sdk/cri';
import { kubeletRootAnnotation, podNameLabel, podNamespaceLabel, podUidLabel } from '../cri/labels.ts';

/** A pod as a runtime lists it. */
export interface ListedPod {
  uid: string;
  name: string;
  namespace: string;
  /** The kubelet that made it, by its root; undefined: not one of ours. */
  kubeletRoot: string | undefined;
}

/** How much of a kind there is, as `kubelet_running_pods` and `kubelet_running_containers` tell it. */
export interface RuntimeCounts {
  /** Pods with a ready sandbox. */
  runningPods: number;
  /** Containers by state: `created`, `running`, `exited`, `unknown`. */
  containers: Map<string, number>;
}

interface Listed<State> {
  /** Of the pod. */
  uid: string;
  state: State;
}

const stateNames: Record<ContainerState, string> = {
  [ContainerState.CONTAINER_CREATED]: 'created',
  [ContainerState.CONTAINER_RUNNING]: 'running',
  [ContainerState.CONTAINER_EXITED]: 'exited',
  [ContainerState.CONTAINER_UNKNOWN]: 'unknown',
  [ContainerState.UNRECOGNIZED]: 'unknown',
};

const stateAfter: Partial<Record<ContainerEventType, ContainerState>> = {
  [ContainerEventType.CONTAINER_CREATED_EVENT]: ContainerState.CONTAINER_CREATED,
  [ContainerEventType.CONTAINER_STARTED_EVENT]: ContainerState.CONTAINER_RUNNING,
  [ContainerEventType.CONTAINER_STOPPED_EVENT]: ContainerState.CONTAINER_EXITED,
};

/** What a runtime has of pods: its last list, and what its events have told since. */
export class RuntimeContents {
  #sandboxes = new Map<string, Listed<PodSandboxState> & { pod: ListedPod }>();
  #containers = new Map<string, Listed<ContainerState>>();

  /** What is no pod's is left out. */
  replace(sandboxes: readonly PodSandbox[], containers: readonly Container[]): void {
    this.#sandboxes = new Map(sandboxes.filter(isOfPod).map((each) => [each.id, { ...listed(each), pod: listedPod(each) }]));
    this.#containers = new Map(containers.filter(isOfPod).map((each) => [each.id, listed(each)]));
  }

  take({ containerId, containerEventType, podSandboxStatus, containersStatuses }: ContainerEventResponse): void {
    if (podSandboxStatus && isOfPod(podSandboxStatus))
      this.#sandboxes.set(podSandboxStatus.id, { ...listed(podSandboxStatus), pod: listedPod(podSandboxStatus) });
    for (const each of containersStatuses.filter(isOfPod)) this.#containers.set(each.id, listed(each));
    const uid = podSandboxStatus?.labels[podUidLabel];
    const state = stateAfter[containerEventType];
    if (containerEventType === ContainerEventType.CONTAINER_DELETED_EVENT) this.#delete(containerId);
    else if (uid && state !== undefined && containerId !== podSandboxStatus.id) this.#containers.set(containerId, { uid, state });
  }

  get pods(): ListedPod[] {
    return [...new Map([...this.#sandboxes.values()].map(({ pod }) => [pod.uid, pod])).values()];
  }

  get counts(): RuntimeCounts {
    const ready = [...this.#sandboxes.values()].filter(({ state }) => state === PodSandboxState.SANDBOX_READY);
    const containers = new Map<string, number>();
    for (const { state } of this.#containers.values()) {
      const name = stateNames[state];
      containers.set(name, (containers.get(name) ?? 0) + 1);
    }
    return { runningPods: new Set(ready.map(({ uid }) => uid)).size, containers };
  }

  #delete(id: string): void {
    this.#sandboxes.delete(id);
    this.#containers.delete(id);
  }
}

function isOfPod({ labels }: { labels: Record<string, string> }): boolean {
  return Boolean(labels[podUidLabel]);
}

function listed<State>({ labels, state }: { labels: Record<string, string>; state: State }): Listed<State> {
  return { uid: labels[podUidLabel] ?? '', state };
}

function listedPod({ labels, annotations }: Pick<PodSandbox, 'labels' | 'annotations'>): ListedPod {
  return {
    uid: labels[podUidLabel] ?? '',
    name: labels[podNameLabel] ?? '',
    namespace: labels[podNamespaceLabel] ?? '',
    kubeletRoot: annotations[kubeletRootAnnotation],
  };
}
