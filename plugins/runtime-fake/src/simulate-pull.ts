import { PluginError } from '@berth/sdk/errors';
import type { PullOptions } from '@berth/shim/image/images';
import { behaviourOf } from './behaviour.ts';

/**
 * How long a pull takes, in milliseconds, by the pod's annotations for all its containers: CRI doesn't say for which
 * container an image is pulled. Throws what `pull-error` says.
 */
export function simulatePull(reference: string, { sandbox }: PullOptions): number {
  const { pullDelay, pullError } = behaviourOf('', sandbox?.annotations ?? {});
  if (pullError !== undefined) throw new PluginError('NOT_FOUND', pullError, { object: `image ${reference}` });
  return pullDelay;
}
