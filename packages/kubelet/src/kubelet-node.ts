import type { Node, Pod } from '@berth/api/objects';
import type { Logger } from 'pino';
import type { AdmitHandler } from './admission/admit-handler.ts';
import { nodeAffinityHandler } from './admission/node-affinity.ts';
import { nodeNameHandler } from './admission/node-name.ts';
import { podOsHandler } from './admission/pod-os.ts';
import { ResourceFit } from './admission/resource-fit.ts';
import { taintTolerationHandler } from './admission/taint-toleration.ts';
import { CgroupFiles } from './cgroup/cgroup-files.ts';
import { CgroupHousekeeping } from './cgroup/cgroup-housekeeping.ts';
import { type CgroupOptions, defaultCgroups } from './cgroup/cgroup-options.ts';
import { pageSizeOf } from './cgroup/cgroup-values.ts';
import { NodeCgroups } from './cgroup/node-cgroups.ts';
import type { ContainerResourcesOptions } from './cri/container-resources-options.ts';
import { type MachineFacts, readMachineFacts } from './machine/machine-facts.ts';
import { defaultNodeResources, hugePagesResource, NodeResources, type NodeResourcesOptions } from './machine/node-resources.ts';
import type { ResourceProvider } from './machine/resource-provider.ts';
import { defaultNodeStatus, type NodeStatusOptions } from './node-status/node-status-options.ts';
import { registeredNode } from './node-status/registered-node.ts';
import type { Eviction } from './plan/observed-pod.ts';

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
  /** Devices and the like. */
  resourceProviders?: readonly ResourceProvider[];
  /** What decides about containers' resources besides what the node has. */
  containers?: Partial<ContainerSettings>;
  /** How the node shows itself. */
  nodeStatus?: Partial<NodeStatusOptions>;
  /** Default: what the host's kernel and system say. */
  machine?: MachineFacts;
  log: Logger;
}

/** Fields are those of KubeletConfiguration; the others of containers are in `cgroups`. */
type ContainerSettings = Pick<ContainerResourcesOptions, 'swapBehavior' | 'singleProcessOOMKill'>;

/** kubelet's. */
const defaultContainers: ContainerSettings = { swapBehavior: 'NoSwap', singleProcessOOMKill: false };

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
  /** In the order of their asking; the last one may end other pods. */
  readonly admitHandlers: readonly AdmitHandler[];
  readonly #housekeeping: CgroupHousekeeping | undefined;
  readonly #machine: MachineFacts;
  readonly #files = new CgroupFiles();
  readonly #settings: ContainerSettings & Omit<CgroupOptions, 'cgroupRoot'>;

  /** `pods` is asked when there is something to know. INVALID_ARGUMENT for amounts that are none. */
  constructor(options: KubeletNodeOptions, pods: () => NodePods) {
    const machine = options.machine ?? readMachineFacts();
    this.#machine = machine;
    this.#settings = { ...defaultCgroups, ...options.cgroups, ...defaultContainers, ...options.containers };
    const { log, cgroupRoot, nodeName, kubeletRoot, resourceProviders } = options;
    this.resources = new NodeResources(machine, kubeletRoot, { ...defaultNodeResources, ...options.resources }, resourceProviders);
    const node = registeredNode(nodeName, machine, { ...defaultNodeStatus, ...options.nodeStatus });
    this.admitHandlers = this.#handlers(() => node, pods);
    if (cgroupRoot === undefined) return;
    this.cgroups = this.#cgroupsOf({ ...this.#settings, cgroupRoot }, pods);
    this.#housekeeping = new CgroupHousekeeping({ cgroups: this.cgroups, isKnown: (uid) => pods().knows(uid), log });
  }

  /** What decides about containers' resources now. */
  containerResources(): ContainerResourcesOptions {
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

  /** Begins to tidy up, unless the last time goes on still. */
  housekeep(): void {
    void this.#housekeeping?.turn();
  }

  #handlers(node: () => Node, pods: () => NodePods): AdmitHandler[] {
    return [
      podOsHandler(node),
      nodeNameHandler(node().metadata?.name ?? ''),
      nodeAffinityHandler(node),
      taintTolerationHandler(node),
      new ResourceFit({ allocatable: () => this.resources.allocatable(), evict: (pod, eviction) => pods().evict(pod, eviction) }),
    ];
  }

  #cgroupsOf(options: CgroupOptions, pods: () => NodePods): NodeCgroups {
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
    );
  }
}
