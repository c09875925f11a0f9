import type { Pod, Volume } from '@berth/api/objects';
import type { VolumePlugin } from './volume-plugin.ts';

/** The content of an image, which the runtime mounts itself: it is pulled before a container that mounts it is created. */
export class ImageVolume implements VolumePlugin {
  readonly directory = 'kubernetes.io~image';
  readonly readOnly = true;
  readonly refreshed = false;

  handles(volume: Volume): boolean {
    return volume.image !== undefined;
  }

  path(_pod: Pod, _volume: Volume): undefined {
    return undefined;
  }

  async setUp(): Promise<void> {}
}
