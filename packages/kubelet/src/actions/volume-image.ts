import type { Container, Volume } from '@berth/api/objects';
import { ImageSpec } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { ActionContext } from './action-context.ts';
import { ActionFailure } from './action-failure.ts';
import { checkImage } from './check-image.ts';
import { pullImage } from './pull-image.ts';

/** The image of a volume, pulled by the volume's own pull policy before a container that mounts it is made. */
export async function volumeImage(
  context: ActionContext,
  container: Container,
  { name, image: { reference = '', pullPolicy } = {} }: Volume,
  sandboxAttempt: number,
  signal: AbortSignal,
): Promise<ImageSpec> {
  const before = pullPolicy === 'Always' ? undefined : await checkImage(context, reference, signal);
  if (!before && pullPolicy === 'Never') {
    const cause = new PluginError('NOT_FOUND', `image ${JSON.stringify(reference)} is not present with pull policy of Never`, {
      object: `volume ${name}`,
    });
    throw new ActionFailure('ErrImageNeverPull', cause.message, cause);
  }
  if (!before) await pullImage(context, { ...container, image: reference }, sandboxAttempt, signal);
  const found = before ?? (await checkImage(context, reference, signal));
  return ImageSpec.create({ image: found?.id || reference, userSpecifiedImage: reference });
}
