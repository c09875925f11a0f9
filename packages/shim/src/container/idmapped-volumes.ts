import { join, posix } from 'node:path';
import type { ContainerConfig } from '@berth/sdk/cri';
import { mountIdmapped } from '../idmapped-mount.ts';
import { unmountIfMounted } from '../mount-points.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { rootOf, userNamespaceOf } from '../sandbox/user-namespace.ts';
import type { Shim } from '../shim.ts';
import type { Container } from './container.ts';
import type { UserNamespaceOwner } from './rootfs.ts';

/** Who is root in the sandbox's user namespace; undefined for the host's. */
export function userNamespaceOwner({ config, record }: Sandbox): UserNamespaceOwner | undefined {
  const idMappings = userNamespaceOf(config);
  const { user } = record.namespaces;
  return idMappings && user !== undefined ? { namespace: user, ...rootOf(idMappings) } : undefined;
}

/**
 * Mounts the sources of the volumes that are to be idmapped where only the container finds them, and has it take those: OCI runtimes
 * need not be able to. The places are known from the request alone.
 */
export function mountIdmappedVolumes({ directories }: Shim, sandbox: Sandbox, { id, config, record }: Container): void {
  const { user } = sandbox.record.namespaces;
  if (user === undefined) return;
  for (const index of idmapped(config)) {
    const asked = posix.normalize(config.mounts[index]?.containerPath ?? '');
    const mount = record.mounts.find(({ destination }) => destination === asked);
    if (!mount) continue;
    const place = placeOf(directories.containers, id, index);
    mountIdmapped(mount.source, place, user);
    mount.source = place;
  }
}

export async function unmountIdmappedVolumes(
  { directories }: Shim,
  id: string,
  config: ContainerConfig,
  signal: AbortSignal,
): Promise<void> {
  const places = idmapped(config).map((index) => placeOf(directories.containers, id, index));
  if (places.length > 0) await unmountIfMounted(places, signal, { recursive: true });
}

/** Volumes of images have theirs from their layers: overlayfs can't be idmapped itself. */
function idmapped({ mounts }: ContainerConfig): number[] {
  return mounts.flatMap(({ uidMappings, image }, index) => (uidMappings.length > 0 && !image?.image ? [index] : []));
}

function placeOf(containers: string, id: string, index: number): string {
  return join(containers, id, 'volumes', String(index), 'idmapped');
}
