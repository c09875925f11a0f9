import type { Pod, Volume } from '@berth/api/objects';

/**
 * One kind of volume. The pod's directory belongs to the kubelet alone: no container can change what is outside of its volumes, so a
 * plugin may trust the path that it gave, but nothing below it.
 */
export interface VolumePlugin {
  /** Directory of the volumes of this kind below the pod's `volumes`, as kubelet names it: `kubernetes.io~secret`. */
  readonly directory: string;
  /** Containers can't write to such a volume, whatever their mounts say. */
  readonly readOnly: boolean;
  /** What it shows may change while it is mounted: `setUp` is called again, when an object has changed and at each sync. */
  readonly refreshed: boolean;
  /** Whether the volume is of this kind. */
  handles(volume: Volume): boolean;
  /** Where the volume is on the host; undefined for one that the runtime brings itself. */
  path(pod: Pod, volume: Volume): string | undefined;
  /**
   * Makes the volume, or brings it up to date; what is right already stays as it is, so that it may be repeated at any time, after a
   * crash too. Throws NOT_FOUND in kubelet's words for an object that isn't there.
   */
  setUp(pod: Pod, volume: Volume, signal: AbortSignal): Promise<void>;
}
