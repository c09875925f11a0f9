import type { VolumeMount } from '@berth/api/objects';
import { type ImageSpec, Mount, MountPropagation } from '@berth/sdk/cri';

/** What is mounted: something on the host, or the content of an image that the runtime mounts itself. */
export interface MountSource {
  hostPath?: string;
  image?: ImageSpec;
  imageSubPath?: string;
  /** Whatever the mount says. */
  readOnly: boolean;
  /** What is mounted below is read-only too. */
  recursiveReadOnly: boolean;
}

const propagations: Record<string, MountPropagation> = {
  HostToContainer: MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
  Bidirectional: MountPropagation.PROPAGATION_BIDIRECTIONAL,
};

/** A mountPath may leave out its first slash. */
export function absolutePath(mountPath: string): string {
  return mountPath.startsWith('/') ? mountPath : `/${mountPath}`;
}

/** The CRI message for one mount of a container. */
export function criMount(mount: VolumeMount, { hostPath = '', image, imageSubPath = '', readOnly, recursiveReadOnly }: MountSource): Mount {
  return Mount.create({
    containerPath: absolutePath(mount.mountPath),
    hostPath,
    readonly: readOnly || (mount.readOnly ?? false),
    recursiveReadOnly,
    propagation: propagations[mount.mountPropagation ?? ''] ?? MountPropagation.PROPAGATION_PRIVATE,
    image,
    imageSubPath,
  });
}
