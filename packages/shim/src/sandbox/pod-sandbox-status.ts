import {
  NamespaceMode,
  PodSandboxState,
  PodSandboxStatus,
  type PodSandboxStatusRequest,
  type PodSandboxStatusResponse,
} from '@berth/sdk/cri';
import { containerStatusOf } from '../container/container-status.ts';
import { nanoseconds } from '../identifiers.ts';
import type { Shim } from '../shim.ts';
import type { Sandbox } from './sandbox.ts';

/** CRI PodSandboxStatus; NOT_FOUND for a sandbox that isn't there. */
export function podSandboxStatus(shim: Shim, { podSandboxId, verbose }: PodSandboxStatusRequest): PodSandboxStatusResponse {
  const sandbox = shim.sandboxes.get(podSandboxId);
  const made = shim.containers.ofSandbox(sandbox.id).filter(({ record }) => record.phase !== 'creating');
  const containersStatuses = made.map(containerStatusOf);
  const info: Record<string, string> = verbose
    ? { info: JSON.stringify({ phase: sandbox.record.phase, namespaces: sandbox.record.namespaces, files: sandbox.record.files }) }
    : {};
  return { status: sandboxStatusOf(sandbox), info, containersStatuses, timestamp: nanoseconds(Date.now()) };
}

export function stateOf({ record }: Sandbox): PodSandboxState {
  return record.phase === 'ready' ? PodSandboxState.SANDBOX_READY : PodSandboxState.SANDBOX_NOTREADY;
}

/** As CRI tells it. */
export function sandboxStatusOf(sandbox: Sandbox): PodSandboxStatus {
  const { id, config, record } = sandbox;
  const [ip = '', ...others] = record.attached?.ips ?? [];
  const options = config.linux?.securityContext?.namespaceOptions;
  return PodSandboxStatus.fromPartial({
    id,
    metadata: config.metadata,
    state: stateOf(sandbox),
    createdAt: nanoseconds(record.createdAt),
    network: { ip, additionalIps: others.map((address) => ({ ip: address })) },
    linux: { namespaces: { options: options ?? { network: NamespaceMode.POD, pid: NamespaceMode.CONTAINER, ipc: NamespaceMode.POD } } },
    labels: config.labels,
    annotations: config.annotations,
    runtimeHandler: record.runtimeHandler,
  });
}
