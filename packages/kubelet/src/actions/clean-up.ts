import { uidOf } from '../pod.ts';
import type { ActionContext } from './action-context.ts';
import { ActionFailure } from './action-failure.ts';

/** Removes the pod's volumes, directories and cgroup. Nothing outside them is touched, since what is mounted there is unmounted first. */
export async function cleanUp({ pod, client, volumes, cgroups, environment }: ActionContext, signal: AbortSignal): Promise<void> {
  await ActionFailure.explain('FailedUnMount', 'directories', async () => {
    await volumes.tearDown(pod, signal);
    environment.userNamespaces.release(uidOf(pod));
  });
  await ActionFailure.explain('FailedKillPod', 'cgroup', async () => cgroups?.remove(uidOf(pod), client, signal));
}
