import type { Container, Pod } from '@berth/api/objects';
import type { Logger } from 'pino';
import type { AdmitHandler } from './admission/admit-handler.ts';
import type { Clock } from './clock.ts';
import { defaultEviction, EvictionManager, type EvictionOptions } from './eviction/eviction-manager.ts';
import type { NodeReclaim } from './eviction/node-reclaim.ts';
import type { NodeResources } from './machine/node-resources.ts';
import type { TopologyRoots } from './machine/read-machine-topology.ts';
import { evictionAmounts } from './machine/reservations.ts';
import type { KubeletMetrics } from './metrics/kubelet-metrics.ts';
import type { Eviction, ResizeRefusal } from './plan/observed-pod.ts';
import { allContainers } from './pod.ts';
import type { PodEvents } from './pod-events.ts';
import type { PodWorkers } from './pod-workers/pod-workers.ts';
import type { NodeRuntimes } from './runtime/node-runtimes.ts';
import type { StatsProvider } from './stats/stats-provider.ts';
import {
  type ContainerAssignment,
  defaultResourceManagers,
  type Reserved,
  ResourceManagers,
  type ResourceManagersOptions,
} from './topology-manager/resource-managers.ts';

/** How the node's resources are handed out and taken back. */
export interface ResourceKeepingOptions {
  kubeletRoot: string;
  /** CPU, memory and topology manager; by default none of them does anything. */
  resourceManagers?: Partial<ResourceManagersOptions>;
  /** Where the managers look for CPUs and memory; tests have machines of their own. */
  topologyRoots?: TopologyRoots;
  /** By default no threshold: only the limits of pods' own files hold. */
  eviction?: Partial<EvictionOptions>;
}

/** Of what a node has too little. */
interface Pressure {
  memory: boolean;
  disk: boolean;
  pid: boolean;
}

/** What is kept, and for whom. */
interface KeptNode {
  resources: NodeResources;
  runtimes: NodeRuntimes;
  workers: PodWorkers;
  events: PodEvents;
  stats: StatsProvider;
  reclaim: NodeReclaim;
  metrics: Pick<KubeletMetrics, 'evictions'>;
  clock: Clock;
  log: Logger;
  inCluster: boolean;
  /** All pods with their status. */
  pods(): Pod[];
  sourcesReady(): boolean;
}

/** Gives pods CPUs and memory nodes of their own, and ends pods when something runs short. */
export class ResourceKeeping {
  readonly #options: ResourceKeepingOptions;
  readonly #node: KeptNode;
  readonly #managers: ResourceManagers;
  readonly #eviction: EvictionManager;

  /** INVALID_ARGUMENT for thresholds that aren't any. */
  constructor(options: ResourceKeepingOptions, node: KeptNode) {
    this.#options = options;
    this.#node = node;
    this.#managers = new ResourceManagers({ ...defaultResourceManagers, ...options.resourceManagers }, options.kubeletRoot, {
      ...node,
      holders: () => [...node.workers.activePods(), ...node.workers.waiting()],
      runtime: (handler) => node.runtimes.get(handler),
    });
    this.#eviction = new EvictionManager(
      { ...defaultEviction, ...options.eviction },
      {
        ...node,
        warn: (reason, message) => node.events.recordNode('Warning', reason, message),
        activePods: () => node.workers.activePods(),
        evict: (pod, eviction) => this.#evict(pod, eviction),
      },
    );
  }

  /** To be asked in this order; the last of all handlers is the one that keeps something for the pod. */
  get admitHandlers(): { first: AdmitHandler; last: AdmitHandler } {
    return { first: this.#eviction, last: this.#managers };
  }

  /** What the node is short of, for its conditions. */
  pressure(): Pressure {
    const { conditions } = this.#eviction;
    return {
      memory: conditions.includes('MemoryPressure'),
      disk: conditions.includes('DiskPressure'),
      pid: conditions.includes('PIDPressure'),
    };
  }

  assignmentOf(pod: Pod, container: Pick<Container, 'name'>): ContainerAssignment {
    return this.#managers.assignmentOf(pod, container);
  }

  /** Whether a container of the pod has CPUs for itself, so that no quota may slow the pod down. */
  hasExclusiveCpus(pod: Pod): boolean {
    return allContainers(pod).some((container) => this.assignmentOf(pod, container).exclusiveCpus);
  }

  /** Why a running pod can't get other resources in place: what was handed out at its beginning stays as it is. */
  refuseResize(pod: Pod): ResizeRefusal | undefined {
    return this.#managers.refuseResize(pod);
  }

  /** FAILED_PRECONDITION or INVALID_ARGUMENT for what keeps the node from starting. */
  async start(): Promise<void> {
    await this.#managers.start(this.#reserved(), this.#options.topologyRoots);
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#managers.run(signal), this.#eviction.run(signal)]);
  }

  #reserved(): Reserved {
    const { resources } = this.#node;
    const sum = (name: string) =>
      (resources.reserved('systemReserved').get(name) ?? 0n) + (resources.reserved('kubeReserved').get(name) ?? 0n);
    const { evictionHard } = { ...defaultEviction, ...this.#options.eviction };
    const keptFree = evictionAmounts({ systemReserved: {}, kubeReserved: {}, evictionHard }, resources.capacity()).get('memory') ?? 0n;
    return { cpu: sum('cpu'), memory: sum('memory') + keptFree };
  }

  #evict(pod: Pod, eviction: Eviction): void {
    this.#node.events.record(pod, 'Warning', 'Evicted', eviction.message);
    this.#node.workers.evict(pod, eviction);
  }
}
