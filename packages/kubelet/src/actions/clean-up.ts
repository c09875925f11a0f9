import { rm } from 'node:fs/promises';
import { uidOf } from '../pod.ts';
import { unmountBelow } from '../volumes/mount-table.ts';
import type { ActionContext } from './action-context.ts';
import { ActionFailure } from './action-failure.ts';

/** Removes the pod's volumes, directories and cgroup. Nothing outside them is touched, since what is mounted there is unmounted first. */
export async function cleanUp({ pod, client, directories, cgroups, environment }: ActionContext, signal: AbortSignal): Promise<void> {
  await ActionFailure.explain('FailedUnMount', 'directories', async () => {
    const directory = directories.podDirectory(pod);
    await unmountBelow(directory, signal);
    await rm(directory, { recursive: true, force: true });
    environment.userNamespaces.release(uidOf(pod));
  });
  await ActionFailure.explain('FailedKillPod', 'cgroup', async () => cgroups?.remove(uidOf(pod), client, signal));
}
