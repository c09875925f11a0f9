import {
  type ListPodSandboxRequest,
  type ListPodSandboxResponse,
  PodSandbox,
  type PodSandboxFilter,
  type StreamPodSandboxesRequest,
  type StreamPodSandboxesResponse,
} from '@berth/sdk/cri';
import { matchesLabels, nanoseconds } from '../identifiers.ts';
import type { Shim } from '../shim.ts';
import { inBatches } from '../streamed-list.ts';
import { stateOf } from './cri-status.ts';
import type { Sandbox } from './sandbox.ts';

/** CRI ListPodSandbox: those that match every part of the filter. A sandbox that is still being made isn't listed. */
export function listPodSandbox(shim: Shim, { filter }: ListPodSandboxRequest): ListPodSandboxResponse {
  return { items: matchingSandboxes(shim, filter).map(toListed) };
}

/** CRI StreamPodSandboxes: the same list, as it is at the time of the call. */
export async function* streamPodSandboxes(shim: Shim, { filter }: StreamPodSandboxesRequest): AsyncGenerator<StreamPodSandboxesResponse> {
  for await (const podSandboxes of inBatches(matchingSandboxes(shim, filter).map(toListed), PodSandbox)) yield { podSandboxes };
}

/** Without those that are still being made. */
export function matchingSandboxes(shim: Shim, filter: Partial<PodSandboxFilter> | undefined): Sandbox[] {
  return shim.sandboxes.list().filter((sandbox) => sandbox.record.phase !== 'creating' && matches(sandbox, filter));
}

function matches(sandbox: Sandbox, filter: Partial<PodSandboxFilter> | undefined): boolean {
  if (!filter) return true;
  if (!sandbox.id.startsWith(filter.id ?? '')) return false;
  if (filter.state && filter.state.state !== stateOf(sandbox)) return false;
  return matchesLabels(sandbox.config.labels, filter.labelSelector ?? {});
}

function toListed(sandbox: Sandbox): PodSandbox {
  const { id, config, record } = sandbox;
  return {
    id,
    metadata: config.metadata,
    state: stateOf(sandbox),
    createdAt: nanoseconds(record.createdAt),
    labels: config.labels,
    annotations: config.annotations,
    runtimeHandler: record.runtimeHandler,
  };
}
