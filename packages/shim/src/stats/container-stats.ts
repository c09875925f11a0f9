import {
  type ContainerAttributes,
  ContainerStats,
  type ContainerStatsFilter,
  type ContainerStatsRequest,
  type ContainerStatsResponse,
  type ListContainerStatsRequest,
  type ListContainerStatsResponse,
  type StreamContainerStatsRequest,
  type StreamContainerStatsResponse,
} from '@berth/sdk/cri';
import type { CallContext } from '@berth/sdk/serve';
import type { Container } from '../container/container.ts';
import { matchingContainers } from '../container/list-containers.ts';
import type { Shim } from '../shim.ts';
import { all, inBatches } from '../streamed-list.ts';
import { cpuUsage, filesystemUsage, ioUsage, memoryUsage, swapUsage } from './figures.ts';
import { type ContainerReading, readContainer } from './readings.ts';

/** CRI ContainerStats; NOT_FOUND for a container that isn't there. One that doesn't run has a writable layer only. */
export async function containerStats(
  shim: Shim,
  { containerId }: ContainerStatsRequest,
  { signal }: CallContext,
): Promise<ContainerStatsResponse> {
  const container = shim.containers.get(containerId);
  return { stats: statsOf(await readContainer(shim, container, signal), shim.directories.containers) };
}

/** CRI ListContainerStats. */
export async function listContainerStats(
  shim: Shim,
  { filter }: ListContainerStatsRequest,
  { signal }: CallContext,
): Promise<ListContainerStatsResponse> {
  return { stats: await all(matchingStats(shim, filter, signal)) };
}

/** CRI StreamContainerStats: each container is read when its turn comes. */
export async function* streamContainerStats(
  shim: Shim,
  { filter }: StreamContainerStatsRequest,
  { signal }: CallContext,
): AsyncGenerator<StreamContainerStatsResponse> {
  for await (const batch of inBatches(matchingStats(shim, filter, signal), ContainerStats)) yield { containerStats: batch };
}

async function* matchingStats(shim: Shim, filter: ContainerStatsFilter | undefined, signal: AbortSignal): AsyncGenerator<ContainerStats> {
  for (const container of matchingContainers(shim, filter)) {
    yield statsOf(await readContainer(shim, container, signal), shim.directories.containers);
  }
}

/** As CRI tells it; `directory` is on the file system of the writable layers. */
export function statsOf({ container, usage, cpuRate, writableLayer }: ContainerReading, directory: string): ContainerStats {
  return {
    attributes: attributes(container),
    cpu: usage && cpuUsage(usage, cpuRate),
    memory: usage && memoryUsage(usage),
    writableLayer: filesystemUsage(writableLayer, directory),
    swap: usage && swapUsage(usage),
    io: usage && ioUsage(usage),
  };
}

function attributes({ id, config: { metadata, labels, annotations } }: Container): ContainerAttributes {
  return { id, metadata, labels, annotations };
}
