import { PodSandboxState, PodSandboxStatus } from '@berth/sdk/cri';
import { nanoseconds } from '../identifiers.ts';
import { namespaceOptionsOf, type Sandbox } from './sandbox.ts';

export function stateOf({ record }: Sandbox): PodSandboxState {
  return record.phase === 'ready' ? PodSandboxState.SANDBOX_READY : PodSandboxState.SANDBOX_NOTREADY;
}

/** A sandbox as CRI tells it. */
export function sandboxStatusOf(sandbox: Sandbox): PodSandboxStatus {
  const { id, config, record } = sandbox;
  const [ip = '', ...others] = record.attached?.ips ?? record.addresses ?? [];
  return PodSandboxStatus.fromPartial({
    id,
    metadata: config.metadata,
    state: stateOf(sandbox),
    createdAt: nanoseconds(record.createdAt),
    network: { ip, additionalIps: others.map((address) => ({ ip: address })) },
    linux: { namespaces: { options: namespaceOptionsOf(config) } },
    labels: config.labels,
    annotations: config.annotations,
    runtimeHandler: record.runtimeHandler,
  });
}
