import {
  type ListPodSandboxStatsRequest,
  type ListPodSandboxStatsResponse,
  PodSandboxStats,
  type PodSandboxStatsFilter,
  type PodSandboxStatsRequest,
  type PodSandboxStatsResponse,
  type StreamPodSandboxStatsRequest,
  type StreamPodSandboxStatsResponse,
} from '@berth/sdk/cri';
import type { CallContext } from '@berth/sdk/serve';
import { matchingSandboxes } from '../sandbox/list-pod-sandbox.ts';
import type { Shim } from '../shim.ts';
import { all, inBatches } from '../streamed-list.ts';
import { statsOf as containerStatsOf } from './container-stats.ts';
import { cpuUsage, ioUsage, memoryUsage, networkUsage, processUsage } from './figures.ts';
import { readSandbox, type SandboxReading } from './readings.ts';

/** CRI PodSandboxStats; NOT_FOUND for a sandbox that isn't there. One that isn't ready uses nothing. */
export async function podSandboxStats(
  shim: Shim,
  { podSandboxId }: PodSandboxStatsRequest,
  { signal }: CallContext,
): Promise<PodSandboxStatsResponse> {
  const sandbox = shim.sandboxes.get(podSandboxId);
  return { stats: statsOf(await readSandbox(shim, sandbox, signal), shim.directories.containers) };
}

/** CRI ListPodSandboxStats. */
export async function listPodSandboxStats(
  shim: Shim,
  { filter }: ListPodSandboxStatsRequest,
  { signal }: CallContext,
): Promise<ListPodSandboxStatsResponse> {
  return { stats: await all(matchingStats(shim, filter, signal)) };
}

/** CRI StreamPodSandboxStats: each sandbox is read when its turn comes. */
export async function* streamPodSandboxStats(
  shim: Shim,
  { filter }: StreamPodSandboxStatsRequest,
  { signal }: CallContext,
): AsyncGenerator<StreamPodSandboxStatsResponse> {
  for await (const batch of inBatches(matchingStats(shim, filter, signal), PodSandboxStats)) yield { podSandboxStats: batch };
}

async function* matchingStats(shim: Shim, filter: PodSandboxStatsFilter | undefined, signal: AbortSignal): AsyncGenerator<PodSandboxStats> {
  for (const sandbox of matchingSandboxes(shim, filter)) {
    yield statsOf(await readSandbox(shim, sandbox, signal), shim.directories.containers);
  }
}

function statsOf({ sandbox, usage, cpuRate, interfaces, containers }: SandboxReading, directory: string): PodSandboxStats {
  const { id, config } = sandbox;
  const { metadata, labels, annotations } = config;
  return {
    attributes: { id, metadata, labels, annotations },
    linux: {
      cpu: usage && cpuUsage(usage, cpuRate),
      memory: usage && memoryUsage(usage),
      network: interfaces && networkUsage(interfaces),
      process: usage && processUsage(usage),
      containers: containers.map((reading) => containerStatsOf(reading, directory)),
      io: usage && ioUsage(usage),
    },
    windows: undefined,
  };
}
