import { PluginError } from '@berth/sdk/errors';
import { quoted } from '@berth/sdk/quoted';
import type { Manifest } from './manifest.ts';

/** Of an image's configuration: OCI's and Docker's; registries of old gave none. */
const configTypes = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
  'application/octet-stream',
  '',
];

/**
 * Throws for a manifest of something else than an image (a chart, a signature, image-spec manifest.md, "Guidelines for Artifact Usage") and for
 * encrypted layers. Layers that may not be distributed are asked for like others, of the image's own registry only: their `urls` are not followed.
 */
export function refuseArtifact({ config, layers }: Manifest, object: string): void {
  if (!configTypes.includes(config.mediaType)) {
    throw new PluginError('INVALID_ARGUMENT', `it is no container image, but an artifact of type ${quoted(config.mediaType)}`, {
      object,
      hint: 'give the name of an image',
    });
  }
  if (layers.some(({ mediaType }) => mediaType.endsWith('+encrypted'))) {
    throw new PluginError('UNIMPLEMENTED', 'its layers are encrypted', { object, hint: 'push the image without encryption' });
  }
}
