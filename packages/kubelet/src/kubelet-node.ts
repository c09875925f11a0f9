import type { Node, Pod } from '@berth/api/objects';
import type { Logger } from 'pino';
import type { AdmitHandler } from './admission/admit-handler.ts';
import { nodeAffinityHandler } from './admission/node-affinity.ts';
import { nodeNameHandler } from './admission/node-name.ts';
import { podOsHandler } from './admission/pod-os.ts';
import { ResourceFit } from './admission/resource-fit.ts';
import { taintTolerationHandler } from './admission/taint-toleration.ts';
import type { ClusterApi } from './api/cluster-api.ts';
import { CgroupFiles } from './cgroup/cgroup-files.ts';
import { CgroupHousekeeping } from './cgroup/cgroup-housekeeping.ts';
import { type CgroupOptions, defaultCgroups } from './cgroup/cgroup-options.ts';
import { pageSizeOf } from './cgroup/cgroup-values.ts';
import { NodeCgroups } from './cgroup/node-cgroups.ts';
import { type Clock, systemClock } from './clock.ts';
import type { ContainerResourcesOptions } from './cri/container-resources-options.ts';
import { type MachineFacts, readMachineFacts } from './machine/machine-facts.ts';
import { defaultNodeResources, hugePagesResource, NodeResources, type NodeResourcesOptions } from './machine/node-resources.ts';
import type { ResourceProvider } from './machine/resource-provider.ts';
import type { KubeletMetrics } from './metrics/kubelet-metrics.ts';
import { NodePresence } from './node-status/node-presence.ts';
import { defaultNodeStatus, type NodeStatusOptions } from './node-status/node-status-options.ts';
import { noPressure, type PressureProvider } from './node-status/pressure-provider.ts';
import type { Eviction, ResizeRefusal } from './plan/observed-pod.ts';
import type { PodEvents } from './pod-events.ts';
import { admitResize } from './resize/node-resize.ts';
import type { RuntimeClient } from './runtime/runtime-client.ts';

export interface KubeletNodeOptions {
  nodeName: string;
  /** Pods' directories are below, `pods/UID/volumes/...`. */
  kubeletRoot: string;
  /** The parent of all pods' cgroups in cgroupfs notation, `/berth`, which is `berth.slice` for runtimes with systemd; undefined: no cgroups are made or asked for. */
  cgroupRoot?: string;
  /** What cgroups allow, besides what the pods say. */
  cgroups?: Partial<CgroupOptions>;
  /** What of the node is for pods. */
  resources?: Partial<NodeResourcesOptions>;
  /** What decides about containers' resources besides what the node has. */
  containers?: Partial<ContainerSettings>;
  /** How the node shows itself. */
  nodeStatus?: Partial<NodeStatusOptions>;
  /** The node's address; default the host's first ones. */
  nodeIP?: string;
  /** Tells of pressure; default nobody. */
  pressure?: PressureProvider;
  /** The cluster that the node belongs to; undefined: none. */
  cluster?: ClusterApi;
  clock?: Clock;
  /** Default: what the host's kernel and system say. */
  machine?: MachineFacts;
  log: Logger;
}

/** Fields are those of KubeletConfiguration; the others of containers are in `cgroups`. */
type ContainerSettings = Pick<ContainerResourcesOptions, 'swapBehavior' | 'singleProcessOOMKill'>;

/** kubelet's. */
const defaultContainers: ContainerSettings = { swapBehavior: 'NoSwap', singleProcessOOMKill: false };

/** What the node is made for. */
interface NodeSurroundings {
  /** The runtime of pods without a class. */
  runtime: RuntimeClient;
  /** Devices and the like. */
  resourceProviders: readonly ResourceProvider[];
  /** Asked when there is something to know. */
  pods(): NodePods;
  /** Why the kubelet can't run pods now. */
  unhealthy(): string[];
  metrics: Pick<KubeletMetrics, 'admission' | 'cgroupManagerDuration'>;
  events: Pick<PodEvents, 'recordNode'>;
  /** Where the kubelet's TLS port is; undefined: it has none. */
  port?: number;
}

/** The pods of the node. */
interface NodePods {
  activePods(): Pod[];
  knows(uid: string): boolean;
  evict(pod: Pod, eviction: Eviction): void;
}

/** The node as its kubelet has it: what it has for pods, the cgroups that bound them, and whom it takes. */
export class KubeletNode {
  readonly resources: NodeResources;
  /** Undefined: pods get no cgroups of their own. */
  readonly cgroups: NodeCgroups | undefined;
  /** The node as others see it. */
  readonly presence: NodePresence;
  /** In the order of their asking; the last one may end other pods. */
  readonly admitHandlers: readonly AdmitHandler[];
  readonly #housekeeping: CgroupHousekeeping | undefined;
  readonly #pods: () => NodePods;
  readonly #machine: MachineFacts;
  readonly #files = new CgroupFiles();
  readonly #settings: ContainerSettings & Omit<CgroupOptions, 'cgroupRoot'>;

  /** INVALID_ARGUMENT for amounts that are none. */
  constructor(options: KubeletNodeOptions, surroundings: NodeSurroundings) {
    const { pods, metrics, resourceProviders } = surroundings;
    this.#pods = pods;
    const machine = options.machine ?? readMachineFacts();
    this.#machine = machine;
    this.#settings = { ...defaultCgroups, ...options.cgroups, ...defaultContainers, ...options.containers };
    const { log, cgroupRoot, kubeletRoot } = options;
    this.resources = new NodeResources(machine, kubeletRoot, { ...defaultNodeResources, ...options.resources }, resourceProviders);
    this.presence = this.#presenceOf(options, surroundings);
    this.admitHandlers = this.#handlers(() => this.presence.node, pods, metrics);
    this.cgroups = cgroupRoot === undefined ? undefined : this.#cgroupsOf({ ...this.#settings, cgroupRoot }, pods, metrics);
    if (this.cgroups) this.#housekeeping = new CgroupHousekeeping({ cgroups: this.cgroups, isKnown: (uid) => pods().knows(uid), log });
  }

  /** What decides about containers' resources now. */
  containerResourcesOptions(): ContainerResourcesOptions {
    const { memory, swap, hugePages } = this.#machine;
    return {
      ...this.#settings,
      memory,
      swap,
      allocatableMemory: this.resources.allocatable().get('memory') ?? 0n,
      unifiedCgroups: this.#files.isUnified,
      swapLimits: this.#files.limitsSwap(),
      pageSizes: this.#files.hasController('hugetlb') ? hugePages.map((pages) => pageSizeOf(hugePagesResource(pages))) : [],
    };
  }

  /** Whether a running pod may have the resources that it asks for by now. */
  admitResize(pod: Pod): ResizeRefusal | undefined {
    return admitResize(pod, this.#pods().activePods(), this.resources.allocatable());
  }

  /** Begins to tidy up, unless the last time goes on still. */
  housekeep(): void {
    void this.#housekeeping?.turn();
  }

  #handlers(node: () => Node, pods: () => NodePods, metrics: NodeSurroundings['metrics']): AdmitHandler[] {
    return [
      podOsHandler(node),
      nodeNameHandler(node().metadata?.name ?? ''),
      nodeAffinityHandler(node),
      taintTolerationHandler(node),
      new ResourceFit({
        allocatable: () => this.resources.admissible(),
        isAwaited: (resource) => this.resources.isAwaited(resource),
        evict: (pod, eviction) => pods().evict(pod, eviction),
        metrics,
      }),
    ];
  }

  #presenceOf(options: KubeletNodeOptions, { runtime, unhealthy, events, port }: NodeSurroundings): NodePresence {
    const { nodeName, kubeletRoot, nodeIP, cluster, log, clock = systemClock, pressure = noPressure } = options;
    return new NodePresence({
      ...defaultNodeStatus,
      ...(nodeIP !== undefined && { nodeIPs: [nodeIP] }),
      ...options.nodeStatus,
      nodeName,
      kubeletRoot,
      machine: this.#machine,
      resources: this.resources,
      runtime,
      pressure,
      unhealthy,
      events,
      ...(port !== undefined && { port }),
      enforcesPods:
        options.cgroupRoot !== undefined && this.#settings.cgroupsPerQOS && this.#settings.enforceNodeAllocatable.includes('pods'),
      enforceReserved: async () => (await this.cgroups?.enforceReserved()) ?? [],
      ...(cluster && { api: cluster }),
      clock,
      log,
    });
  }

  #cgroupsOf(options: CgroupOptions, pods: () => NodePods, metrics: NodeSurroundings['metrics']): NodeCgroups {
    const { resources } = this;
    return new NodeCgroups(
      options,
      {
        pods: () => pods().activePods(),
        podLimits: () => resources.podLimits(),
        capacity: () => resources.capacity(),
        allocatable: () => resources.allocatable(),
        reserved: (field) => resources.reserved(field),
      },
      this.#files,
      metrics,
    );
  }
}
