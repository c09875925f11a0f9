import { access, mkdir, realpath } from 'node:fs/promises';
import { posix } from 'node:path';
import { type ContainerConfig, type Mount, MountPropagation } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { ContainerMount } from '../runtime.ts';
import { type IdMappings, isSame } from '../sandbox/user-namespace.ts';
import type { ImageVolume } from './image-volumes.ts';

const propagations: Record<number, ContainerMount['propagation']> = {
  [MountPropagation.PROPAGATION_PRIVATE]: 'private',
  [MountPropagation.PROPAGATION_HOST_TO_CONTAINER]: 'rslave',
  [MountPropagation.PROPAGATION_BIDIRECTIONAL]: 'rshared',
};

/**
 * The sandbox's files (read-only with a read-only root) and the request's mounts, of which one replaces a file at the same place. A mount
 * comes before those inside of it. `imageVolumes` are the sources of volumes that are images, by the index of their mount. Sources are
 * resolved: symbolic links are followed, and one that is missing is an error (api.proto, Mount).
 */
export async function containerMounts(
  config: ContainerConfig,
  sandboxFiles: Record<string, string>,
  imageVolumes: Map<number, ImageVolume>,
  idMappings: IdMappings | undefined,
  object: string,
): Promise<ContainerMount[]> {
  for (const mount of config.mounts) checkMappings(mount, idMappings, object);
  const asked: ContainerMount[] = [];
  for (const [index, mount] of config.mounts.entries()) asked.push(await resolved(mount, imageVolumes.get(index), object));
  const readonly = config.linux?.securityContext?.readonlyRootfs ?? false;
  const taken = new Set(asked.map(({ destination }) => destination));
  const files = Object.entries(sandboxFiles)
    .filter(([destination]) => !taken.has(destination))
    .map(([destination, source]): ContainerMount => ({ source, destination, readonly, propagation: 'private' }));
  return [...files, ...asked].toSorted((a, b) => depth(a) - depth(b));
}

async function resolved(mount: Mount, imageVolume: ImageVolume | undefined, object: string): Promise<ContainerMount> {
  const { containerPath, hostPath, readonly, propagation, recursiveReadOnly, imageSubPath } = mount;
  if (!posix.isAbsolute(containerPath) || posix.normalize(containerPath) === '/') {
    const what = posix.isAbsolute(containerPath) ? 'is the root' : 'is not absolute';
    throw new PluginError('INVALID_ARGUMENT', `the mount point ${JSON.stringify(containerPath)} ${what}`, { object });
  }
  const destination = posix.normalize(containerPath);
  const propagationMode = propagations[propagation];
  if (propagationMode === undefined) {
    throw new PluginError('INVALID_ARGUMENT', `the mount at ${containerPath} has the propagation ${propagation}, which is none`, {
      object,
    });
  }
  if (imageVolume) return { source: imageVolume.source, destination, readonly: true, propagation: 'private' };
  if (imageSubPath !== '') {
    throw new PluginError('INVALID_ARGUMENT', `the mount at ${containerPath} has an image_sub_path and no image`, {
      object,
      hint: 'set image, or put the path into host_path',
    });
  }
  if (recursiveReadOnly && (!readonly || propagation !== MountPropagation.PROPAGATION_PRIVATE)) {
    throw new PluginError(
      'INVALID_ARGUMENT',
      `the mount at ${containerPath} is recursive_read_only, which takes readonly and private propagation`,
      {
        object,
      },
    );
  }
  if (!posix.isAbsolute(hostPath)) {
    throw new PluginError('INVALID_ARGUMENT', `the mount source ${JSON.stringify(hostPath)} of ${containerPath} is not absolute`, {
      object,
    });
  }
  return {
    source: await sourceAt(hostPath, containerPath, object),
    destination,
    readonly,
    ...(recursiveReadOnly && { recursiveReadonly: true }),
    propagation: propagationMode,
  };
}

/** Where a source is that may be a link; one that is missing is made as an empty directory, as pods expect that were written for other runtimes. */
async function sourceAt(hostPath: string, containerPath: string, object: string): Promise<string> {
  try {
    await access(hostPath).catch(() => mkdir(hostPath, { recursive: true, mode: 0o755 }));
    return await realpath(hostPath);
  } catch (cause) {
    throw new PluginError(
      'FAILED_PRECONDITION',
      `the mount source ${hostPath} of ${containerPath} can't be made: ${(cause as Error).message}`,
      {
        object,
        hint: 'make it on this host first',
        cause,
      },
    );
  }
}

/** Ids of an idmapped mount are mapped by the pod's user namespace: others can't be had. Kubelets send them for every mount of such a pod. */
function checkMappings({ containerPath, uidMappings, gidMappings }: Mount, idMappings: IdMappings | undefined, object: string): void {
  if (uidMappings.length === 0 && gidMappings.length === 0) return;
  if (idMappings && isSame({ uids: uidMappings, gids: gidMappings }, idMappings)) return;
  throw new PluginError('INVALID_ARGUMENT', `the id mappings of the mount at ${containerPath} aren't those of the pod's user namespace`, {
    object,
  });
}

function depth({ destination }: ContainerMount): number {
  return destination.split('/').filter(Boolean).length;
}
