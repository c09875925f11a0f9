import type { EvictionOptions } from './eviction/eviction-manager.ts';
import type { NodeGcOptions } from './gc/node-gc.ts';
import type { KubeletNodeOptions } from './kubelet-node.ts';
import type { TopologyRoots } from './machine/read-machine-topology.ts';
import type { EnvironmentOptions } from './node-environment.ts';
import type { BackOff } from './plan/back-off.ts';
import type { EventLimits } from './reports/event-publisher.ts';
import type { ResizeAdmission } from './resize/resize-admission.ts';
import type { NodeRuntimesOptions } from './runtime/node-runtimes.ts';
import type { ServingOptions } from './server/kubelet-host.ts';
import type { ShutdownOptions } from './shutdown/shutdown-groups.ts';
import type { PodSource } from './sources/pod-source.ts';
import type { Intervals } from './sync-loop.ts';
import type { ResourceManagersOptions } from './topology-manager/resource-managers.ts';
import type { PodTraces } from './trace/pod-traces.ts';
import type { VolumeOptions } from './volumes/node-volumes.ts';

/** What a kubelet is made of. Times and back-off are for tests; their defaults are kubelet's. */
export interface KubeletOptions
  extends NodeRuntimesOptions,
    EnvironmentOptions,
    NodeGcOptions,
    VolumeOptions,
    KubeletNodeOptions,
    ServingOptions {
  /** RUN: `kubelet.sock` is made here. */
  run: string;
  /** Containers' logs: `NAMESPACE_NAME_UID/CONTAINER/RESTART.log` below. */
  podLogsDir: string;
  sources: PodSource[];
  /** False: runtimes are listed and not asked for events (the feature gate EventedPLEG). Default true. */
  evented?: boolean;
  /** The traces that the runtimes' connections have their taps from. */
  traces?: PodTraces;
  /** How long a runtime may take to answer, the grace period of a stop coming on top. Default 2 minutes, kubelet's. */
  runtimeRequestTimeoutMs?: number;
  /** CPU, memory and topology manager; by default none of them does anything. */
  resourceManagers?: Partial<ResourceManagersOptions>;
  /** Where the managers look for CPUs and memory; tests have machines of their own. */
  topologyRoots?: TopologyRoots;
  /** By default no threshold: only the limits of pods' own files hold. */
  eviction?: Partial<EvictionOptions>;
  /** Default: what fits on the node. */
  admitResize?: ResizeAdmission;
  /** How pods end when the node shuts down. */
  shutdown?: Partial<ShutdownOptions>;
  /** How many events the cluster is told; kubelet's defaults. */
  eventLimits?: EventLimits;
  backOff?: Partial<BackOff>;
  intervals?: Partial<Intervals>;
}

/** How a kubelet ends. */
export interface StopOptions {
  /** End all pods within their grace periods and remove what they had; else they run on, and the next kubelet takes them over. */
  removePods: boolean;
  /** The node itself shuts down, not the kubelet alone: before the kubelet ends, its pods do, by their priority, if that is configured (`shutdown`). They stay as failed ones. */
  nodeShutsDown?: boolean;
  /** Ends the pods' grace periods, and waits only a little longer for runtimes that don't answer. */
  hurry?: AbortSignal;
}
