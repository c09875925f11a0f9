import { PluginError } from '@berth/sdk/errors';
import type { ActionContext } from './action-context.ts';
import { ActionFailure } from './action-failure.ts';

/** Brings the pod's volumes up to date with the objects that they show. */
export async function refreshVolumes({ pod, volumes }: ActionContext, signal: AbortSignal): Promise<void> {
  await volumes.refresh(pod, signal).catch(mountFailure);
}

/** A volume that couldn't be made; its message is kubelet's already. */
export function mountFailure(thrown: unknown): never {
  const cause = PluginError.from(thrown);
  throw new ActionFailure('FailedMount', cause.message, cause);
}
