import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Volume } from '@berth/api/objects';
import { allContainers, specOf } from '../pod.ts';
import { makeEmptyDir } from '../volumes/empty-dir.ts';
import { checkHostPath } from '../volumes/host-path.ts';
import type { ActionContext } from './action-context.ts';
import { ActionFailure } from './action-failure.ts';

/** Makes the pod's directories, volumes and cgroup. What is there already stays. */
export async function prepare(context: ActionContext, signal: AbortSignal): Promise<void> {
  const { pod, client, directories, cgroups } = context;
  await ActionFailure.explain('FailedCreatePodDirectory', 'directories', async () => {
    await mkdir(directories.podDirectory(pod), { recursive: true, mode: 0o750 });
    for (const { name } of allContainers(pod)) await mkdir(join(directories.logDirectory(pod), name), { recursive: true });
  });
  for (const volume of specOf(pod).volumes ?? []) {
    await ActionFailure.explain('FailedMount', `MountVolume.SetUp failed for volume ${JSON.stringify(volume.name)}`, () =>
      setUp(context, volume, signal),
    );
  }
  await ActionFailure.explain('FailedCreatePodContainer', 'cgroup', async () => cgroups?.apply(pod, client, signal));
}

/** Where each of the pod's volumes is on the host. */
export function volumePaths({ pod, directories }: ActionContext): Map<string, string> {
  return new Map((specOf(pod).volumes ?? []).map(({ name, hostPath }) => [name, hostPath?.path ?? directories.emptyDir(pod, name)]));
}

async function setUp({ pod, directories }: ActionContext, volume: Volume, signal: AbortSignal): Promise<void> {
  if (volume.hostPath) return checkHostPath(volume.name, volume.hostPath);
  await makeEmptyDir(directories.emptyDir(pod, volume.name), volume, specOf(pod).securityContext?.fsGroup, signal);
}
