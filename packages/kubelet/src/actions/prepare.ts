import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { allContainers } from '../pod.ts';
import type { ActionContext } from './action-context.ts';
import { ActionFailure } from './action-failure.ts';
import { mountFailure } from './mount-failure.ts';

/** Makes the pod's directories, volumes and cgroup. What is there already stays. */
export async function prepare(context: ActionContext, signal: AbortSignal): Promise<void> {
  const { pod, client, directories, cgroups, volumes } = context;
  await ActionFailure.explain('FailedCreatePodDirectory', 'directories', async () => {
    await mkdir(directories.podDirectory(pod), { recursive: true, mode: 0o750 });
    for (const { name } of allContainers(pod)) await mkdir(join(directories.logDirectory(pod), name), { recursive: true });
  });
  await volumes.setUp(pod, signal).catch(mountFailure);
  await ActionFailure.explain('FailedCreatePodContainer', 'cgroup', async () => cgroups?.apply(pod, client, signal));
}
