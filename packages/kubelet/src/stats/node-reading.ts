import type {
  ContainerStats,
  CpuStats,
  FsStats,
  IoStats,
  MemoryStats,
  NetworkStats,
  NodeStats,
  PodReference,
  SwapStats,
  VolumeStats,
} from './summary.ts';

/** Figures of a cgroup, wherever they come from. */
export interface ResourceFigures {
  cpu?: CpuStats;
  memory?: MemoryStats;
  swap?: SwapStats;
  io?: IoStats;
}

export interface ContainerReading extends ResourceFigures {
  name: string;
  /** Of the runtime. */
  id: string;
  image: string;
  startTime: string;
  /** In cgroupfs notation below the mount point; undefined where the host has none for it (virtual machines). */
  cgroup?: string;
  rootfs?: FsStats;
  /** Where the file system of its writable layer is mounted, as the runtime tells. */
  layerMountpoint?: string;
  logs?: FsStats;
}

export interface PodReading extends ResourceFigures {
  podRef: PodReference;
  /** Of the sandbox in the runtime. */
  sandboxId: string;
  startTime: string;
  cgroup?: string;
  network?: NetworkStats;
  processCount?: number;
  containers: ContainerReading[];
  /** Undefined where only CPU and memory were asked for; as `ephemeralStorage`. */
  volumes?: VolumeStats[];
  ephemeralStorage?: FsStats;
}

/** One look at the node. */
export interface NodeReading {
  at: Date;
  node: NodeStats;
  systemContainers: ContainerStats[];
  pods: PodReading[];
  /** Handlers of the runtimes that didn't answer: their pods are missing. */
  failed: string[];
}
