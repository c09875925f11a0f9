import { ContainerStatus } from '@berth/sdk/cri';
import { nanoseconds } from '../identifiers.ts';
import { type Container, stateOf } from './container.ts';
import { criSignal } from './stop-signal.ts';

/** A container as CRI tells it. */
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
    stopSignal: criSignal(record.stopSignal),
  });
}
