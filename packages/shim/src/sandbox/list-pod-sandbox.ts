import type { ListPodSandboxRequest, ListPodSandboxResponse, PodSandbox, PodSandboxFilter } from '@berth/sdk/cri';
import { matchesLabels, nanoseconds } from '../identifiers.ts';
import type { Shim } from '../shim.ts';
import { stateOf } from './pod-sandbox-status.ts';
import type { Sandbox } from './sandbox.ts';

/** CRI ListPodSandbox: those that match every part of the filter. A sandbox that is still being made isn't listed. */
export function listPodSandbox(shim: Shim, { filter }: ListPodSandboxRequest): ListPodSandboxResponse {
  const made = shim.sandboxes.list().filter(({ record }) => record.phase !== 'creating');
  return { items: made.filter((sandbox) => matches(sandbox, filter)).map(toListed) };
}

function matches(sandbox: Sandbox, filter: PodSandboxFilter | undefined): boolean {
  if (!filter) return true;
  if (!sandbox.id.startsWith(filter.id)) return false;
  if (filter.state && filter.state.state !== stateOf(sandbox)) return false;
  return matchesLabels(sandbox.config.labels, filter.labelSelector);
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
