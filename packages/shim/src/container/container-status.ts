import { ContainerStatus, type ContainerStatusRequest, type ContainerStatusResponse } from '@berth/sdk/cri';
import type { CallContext } from '@berth/sdk/serve';
import { nanoseconds } from '../identifiers.ts';
import type { Shim } from '../shim.ts';
import { type Container, containerSpec, stateOf } from './container.ts';

/** CRI ContainerStatus; NOT_FOUND for a container that isn't there. */
export async function containerStatus(
  shim: Shim,
  { containerId, verbose }: ContainerStatusRequest,
  { signal }: CallContext,
): Promise<ContainerStatusResponse> {
  const container = shim.containers.get(containerId);
  return { status: containerStatusOf(container), info: verbose ? { info: JSON.stringify(await details(shim, container, signal)) } : {} };
}

/** For a person: how it was made, and what its runtime tells. Variables may hold secrets, and stay away. */
async function details(shim: Shim, container: Container, signal: AbortSignal): Promise<object> {
  const { sandboxId, process, rootfs, mounts, phase } = container.record;
  const sandbox = shim.sandboxes.find(sandboxId);
  const runtime = sandbox && (await shim.runtime.inspect?.(containerSpec(container, sandbox, shim.directories), signal));
  const { env: _, ...shown } = process;
  return { sandboxID: sandboxId, phase, runtimeHandler: shim.handler, process: shown, rootfs, mounts, ...runtime };
}

/** As CRI tells it. */
export function containerStatusOf(container: Container): ContainerStatus {
  const { id, config, record } = container;
  const { uid, gid, additionalGids } = record.process.user;
  return ContainerStatus.fromPartial({
    id,
    metadata: config.metadata,
    state: stateOf(container),
    createdAt: nanoseconds(record.createdAt),
    startedAt: nanoseconds(record.startedAt),
    finishedAt: nanoseconds(record.finishedAt),
    exitCode: record.exitCode ?? 0,
    image: config.image,
    imageRef: record.imageId,
    imageId: record.imageId,
    reason: record.reason ?? '',
    message: record.message ?? '',
    labels: config.labels,
    annotations: config.annotations,
    mounts: config.mounts,
    logPath: record.logPath ?? '',
    resources: { linux: config.linux?.resources },
    user: { linux: { uid: BigInt(uid), gid: BigInt(gid), supplementalGroups: additionalGids.map(BigInt) } },
    stopSignal: config.stopSignal,
  });
}
