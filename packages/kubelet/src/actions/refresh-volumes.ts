import type { ActionContext } from './action-context.ts';
import { mountFailure } from './mount-failure.ts';

/** Brings the pod's volumes up to date with the objects that they show. */
export async function refreshVolumes({ pod, volumes }: ActionContext, signal: AbortSignal): Promise<void> {
  await volumes.refresh(pod, signal).catch(mountFailure);
}
