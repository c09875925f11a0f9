import type { ContainerStats, FsStats, MemoryStats, PodStats, Summary } from '../src/stats/summary.ts';

const time = '2026-11-21T12:00:00Z';
export const gibi = 2 ** 30;
export const mebi = 2 ** 20;

/** A disk of 100 GiB and a million inodes, of which this is left. */
export function disk(availableBytes: number, inodesFree = 500_000, capacityBytes = 100 * gibi): FsStats {
  return { time, availableBytes, capacityBytes, usedBytes: capacityBytes - availableBytes, inodesFree, inodes: 1_000_000 };
}

interface NodeShape {
  memoryAvailable?: number;
  podsMemoryAvailable?: number;
  fs?: FsStats;
  imageFs?: FsStats;
  containerFs?: FsStats;
  processes?: number;
  pods?: PodStats[];
}

/** A node with 10 GiB of memory, 4 GiB of it left, one disk with 50 GiB left, 100 of 1000 processes. */
export function summaryOf(shape: NodeShape = {}): Summary {
  const { memoryAvailable = 4 * gibi, podsMemoryAvailable = 4 * gibi, fs = disk(50 * gibi), processes = 100, pods = [] } = shape;
  return {
    node: {
      nodeName: 'node',
      startTime: time,
      memory: memory(10 * gibi - memoryAvailable, memoryAvailable),
      systemContainers: [{ name: 'pods', startTime: time, memory: memory(10 * gibi - podsMemoryAvailable, podsMemoryAvailable) }],
      fs,
      runtime: { imageFs: shape.imageFs ?? fs, containerFs: shape.containerFs ?? shape.imageFs ?? fs },
      rlimit: { time, maxpid: 1000, curproc: processes },
    },
    pods,
  };
}

/** Bytes and numbers of a pod with one container, `main`. */
interface Use {
  memory?: number;
  root?: number;
  logs?: number;
  /** Bytes by volume. */
  volumes?: Record<string, number>;
  ephemeral?: number;
  processes?: number;
  inodes?: number;
}

export function podStats(
  uid: string,
  { memory: bytes = 0, root = 0, logs = 0, volumes = {}, ephemeral, processes = 1, inodes = 0 }: Use = {},
): PodStats {
  const used = (usedBytes: number, inodesUsed = 0): FsStats => ({ time, usedBytes, inodesUsed });
  const container: ContainerStats = { name: 'main', startTime: time, memory: memory(bytes), rootfs: used(root, inodes), logs: used(logs) };
  return {
    podRef: { uid, name: uid, namespace: 'default' },
    startTime: time,
    containers: [container],
    memory: memory(bytes),
    volume: Object.entries(volumes).map(([name, size]) => ({ name, ...used(size) })),
    'ephemeral-storage': used(ephemeral ?? root + logs + Object.values(volumes).reduce((sum, size) => sum + size, 0)),
    process_stats: { process_count: processes },
  };
}

function memory(workingSetBytes: number, availableBytes?: number): MemoryStats {
  return { time, workingSetBytes, ...(availableBytes !== undefined && { availableBytes }) };
}
