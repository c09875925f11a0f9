import { PluginError } from '@berth/sdk/errors';
import { ActionFailure } from './action-failure.ts';

/** A volume that couldn't be made; its message is kubelet's already. */
export function mountFailure(thrown: unknown): never {
  const cause = PluginError.from(thrown);
  throw new ActionFailure('FailedMount', cause.message, cause);
}
