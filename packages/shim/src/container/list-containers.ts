import {
  type ContainerFilter,
  type ListContainersRequest,
  type ListContainersResponse,
  Container as ListedContainer,
  type StreamContainersRequest,
  type StreamContainersResponse,
} from '@berth/sdk/cri';
import { matchesLabels, nanoseconds } from '../identifiers.ts';
import type { Shim } from '../shim.ts';
import { inBatches } from '../streamed-list.ts';
import { type Container, stateOf } from './container.ts';

/** CRI ListContainers: those that match every part of the filter. A container that is still being made isn't listed. */
export function listContainers(shim: Shim, { filter }: ListContainersRequest): ListContainersResponse {
  return { containers: matchingContainers(shim, filter).map(toListed) };
}

/** CRI StreamContainers: the same list, as it is at the time of the call. */
export async function* streamContainers(shim: Shim, { filter }: StreamContainersRequest): AsyncGenerator<StreamContainersResponse> {
  for await (const containers of inBatches(matchingContainers(shim, filter).map(toListed), ListedContainer)) yield { containers };
}

/** Without those that are still being made. */
export function matchingContainers(shim: Shim, filter: Partial<ContainerFilter> | undefined): Container[] {
  return shim.containers.list().filter((container) => container.record.phase !== 'creating' && matches(container, filter));
}

function matches(container: Container, filter: Partial<ContainerFilter> | undefined): boolean {
  if (!filter) return true;
  if (!container.id.startsWith(filter.id ?? '')) return false;
  if (filter.state && filter.state.state !== stateOf(container)) return false;
  if (!container.record.sandboxId.startsWith(filter.podSandboxId ?? '')) return false;
  return matchesLabels(container.config.labels, filter.labelSelector ?? {});
}

function toListed(container: Container): ListedContainer {
  const { id, config, record } = container;
  return {
    id,
    podSandboxId: record.sandboxId,
    metadata: config.metadata,
    image: config.image,
    imageRef: record.imageId,
    state: stateOf(container),
    createdAt: nanoseconds(record.createdAt),
    labels: config.labels,
    annotations: config.annotations,
    imageId: record.imageId,
  };
}
