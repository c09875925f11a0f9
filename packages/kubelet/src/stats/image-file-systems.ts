import { type FilesystemUsage, ImageFsInfoRequest } from '@berth/sdk/cri';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import type { FileSystems } from './file-system.ts';
import { figuresDeadlineMs } from './runtime-figures.ts';
import type { FsStats, RuntimeStats } from './summary.ts';

/** The file systems of images and of writable layers, as the runtime names them; empty where it doesn't answer. */
export async function imageFileSystems(
  { images, onDemand }: RuntimeClient,
  fileSystems: FileSystems,
  now: Date,
  signal: AbortSignal,
): Promise<RuntimeStats> {
  if (onDemand?.started === false) return {};
  const answer = await images.imageFsInfo(ImageFsInfoRequest.create(), { signal, deadlineMs: figuresDeadlineMs }).catch(() => undefined);
  signal.throwIfAborted();
  const [imageFs, containerFs] = await Promise.all(
    [answer?.imageFilesystems[0], answer?.containerFilesystems[0] ?? answer?.imageFilesystems[0]].map((usage) =>
      statsOf(usage, fileSystems, now),
    ),
  );
  return { ...(imageFs && { imageFs }), ...(containerFs && { containerFs }) };
}

/** What the runtime uses, on what its file system has. */
export async function statsOf(usage: FilesystemUsage | undefined, fileSystems: FileSystems, now: Date): Promise<FsStats | undefined> {
  const disk = usage?.fsId && (await fileSystems.of(usage.fsId.mountpoint, now));
  if (!usage || !disk) return undefined;
  const { usedBytes, inodesUsed } = usage;
  return {
    ...disk,
    ...(usedBytes && { usedBytes: Number(usedBytes.value) }),
    ...(inodesUsed && { inodesUsed: Number(inodesUsed.value) }),
  };
}
