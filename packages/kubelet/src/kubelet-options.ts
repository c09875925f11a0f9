import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { ClusterApi } from './api/cluster-api.ts';
import type { CgroupOptions } from './cgroup/cgroup-options.ts';
import type { Clock } from './clock.ts';
import type { NodeResourcesOptions } from './machine/node-resources.ts';
import type { EnvironmentOptions } from './node-environment.ts';
import type { BackOff } from './plan/back-off.ts';
import type { ResizeAdmission } from './resize/resize-admission.ts';
import type { NodeRuntimesOptions } from './runtime/node-runtimes.ts';
import type { ShutdownOptions } from './shutdown/shutdown-groups.ts';
import type { PodSource } from './sources/pod-source.ts';
import type { Intervals } from './sync-loop.ts';
import type { PodTraces } from './trace/pod-traces.ts';
import type { VolumeOptions } from './volumes/node-volumes.ts';

/** What a kubelet is made of. Times and back-off are for tests; their defaults are kubelet's. */
export interface KubeletOptions extends NodeRuntimesOptions, EnvironmentOptions, VolumeOptions {
  nodeName: string;
  /** RUN: `kubelet.sock` is made here. */
  run: string;
  /** Pods' directories are below, `pods/UID/volumes/...`. */
  kubeletRoot: string;
  /** Containers' logs: `NAMESPACE_NAME_UID/CONTAINER/RESTART.log` below. */
  podLogsDir: string;
  /** The node's address; default the host's first one. */
  nodeIP?: string;
  sources: PodSource[];
  /** The cluster that the node belongs to; undefined: none. */
  cluster?: ClusterApi;
  /** False: runtimes are listed and not asked for events (the feature gate EventedPLEG). Default true. */
  evented?: boolean;
  /** The parent of all pods' cgroups in cgroupfs notation, `/berth`, which is `berth.slice` for runtimes with systemd; undefined: no cgroups are made or asked for. */
  cgroupRoot?: string;
  /** What cgroups allow, besides what the pods say. */
  cgroups?: Partial<CgroupOptions>;
  /** What of the node is for pods. */
  resources?: Partial<NodeResourcesOptions>;
  log: Logger;
  /** The traces that the runtimes' connections have their taps from. */
  traces?: PodTraces;
  /** Takes the kubelet's metrics. */
  registry?: Registry;
  /** How long a runtime may take to answer, the grace period of a stop coming on top. Default 2 minutes, kubelet's. */
  runtimeRequestTimeoutMs?: number;
  /** Default: a running pod gets whatever it asks for. */
  admitResize?: ResizeAdmission;
  /** How pods end when the node shuts down. */
  shutdown?: Partial<ShutdownOptions>;
  clock?: Clock;
  backOff?: Partial<BackOff>;
  intervals?: Partial<Intervals>;
}
