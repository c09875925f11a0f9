import type { ContainerFilter, ListContainersRequest, ListContainersResponse, Container as ListedContainer } from '@berth/sdk/cri';
import { matchesLabels, nanoseconds } from '../identifiers.ts';
import type { Shim } from '../shim.ts';
import { type Container, stateOf } from './container.ts';

/** CRI ListContainers: those that match every part of the filter. A container that is still being made isn't listed. */
export function listContainers(shim: Shim, { filter }: ListContainersRequest): ListContainersResponse {
  const made = shim.containers.list().filter(({ record }) => record.phase !== 'creating');
  return { containers: made.filter((container) => matches(container, filter)).map(toListed) };
}

function matches(container: Container, filter: ContainerFilter | undefined): boolean {
  if (!filter) return true;
  if (!container.id.startsWith(filter.id)) return false;
  if (filter.state && filter.state.state !== stateOf(container)) return false;
  if (!container.record.sandboxId.startsWith(filter.podSandboxId)) return false;
  return matchesLabels(container.config.labels, filter.labelSelector);
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
