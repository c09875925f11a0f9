/**
 * What kubelet answers at /stats/summary: the JSON of stats.kubelet.k8s.io v1alpha1. Sizes are in bytes, CPU time in nanoseconds, times in
 * RFC 3339. What isn't known is left out.
 */
export interface Summary {
  node: NodeStats;
  pods: PodStats[];
}

export interface NodeStats {
  nodeName: string;
  /** Cgroups of the node itself: `kubelet`, `pods`, and `runtime`, `misc` where they are configured. */
  systemContainers?: ContainerStats[];
  /** When the host was booted. */
  startTime: string;
  cpu?: CpuStats;
  memory?: MemoryStats;
  io?: IoStats;
  network?: NetworkStats;
  /** The file system that the kubelet's own directory is on. */
  fs?: FsStats;
  runtime?: RuntimeStats;
  rlimit?: RlimitStats;
  swap?: SwapStats;
}

export interface RuntimeStats {
  /** What images lie on; `usedBytes` is what images use. */
  imageFs?: FsStats;
  /** What writable layers lie on. */
  containerFs?: FsStats;
}

export interface RlimitStats {
  time: string;
  /** The most processes and threads that the kernel allows. */
  maxpid?: number;
  curproc?: number;
}

export interface PodReference {
  name: string;
  namespace: string;
  uid: string;
}

export interface PodStats {
  podRef: PodReference;
  startTime: string;
  /** Running ones. */
  containers: ContainerStats[];
  cpu?: CpuStats;
  memory?: MemoryStats;
  io?: IoStats;
  network?: NetworkStats;
  /** Volumes that have figures: none of host paths. */
  volume?: VolumeStats[];
  /** Writable layers, logs, and volumes on the node's disk, together. */
  'ephemeral-storage'?: FsStats;
  process_stats?: { process_count: number };
  swap?: SwapStats;
}

export interface ContainerStats {
  name: string;
  startTime: string;
  cpu?: CpuStats;
  memory?: MemoryStats;
  io?: IoStats;
  /** The writable layer. */
  rootfs?: FsStats;
  logs?: FsStats;
  swap?: SwapStats;
}

export interface CpuStats {
  time: string;
  /** 1,000,000,000 is one core busy all the time. */
  usageNanoCores?: number;
  /** Since the start. */
  usageCoreNanoSeconds?: number;
  psi?: Pressure;
}

export interface MemoryStats {
  time: string;
  /** Limit less working set; left out without a limit. */
  availableBytes?: number;
  usageBytes?: number;
  workingSetBytes?: number;
  rssBytes?: number;
  pageFaults?: number;
  majorPageFaults?: number;
  psi?: Pressure;
}

export interface SwapStats {
  time: string;
  swapAvailableBytes?: number;
  swapUsageBytes?: number;
}

export interface IoStats {
  time: string;
  psi?: Pressure;
}

/** Pressure stall information: `total` in nanoseconds, averages in percent. */
export interface Pressure {
  full: PressureData;
  some: PressureData;
}

export interface PressureData {
  total: number;
  avg10: number;
  avg60: number;
  avg300: number;
}

export interface InterfaceStats {
  name: string;
  rxBytes?: number;
  rxErrors?: number;
  txBytes?: number;
  txErrors?: number;
}

/** Figures of the default interface, and all interfaces. */
export interface NetworkStats extends Partial<InterfaceStats> {
  time: string;
  interfaces?: InterfaceStats[];
}

export interface FsStats {
  time: string;
  availableBytes?: number;
  capacityBytes?: number;
  usedBytes?: number;
  inodesFree?: number;
  inodes?: number;
  inodesUsed?: number;
}

export interface VolumeStats extends FsStats {
  name: string;
  pvcRef?: { name: string; namespace: string };
}
