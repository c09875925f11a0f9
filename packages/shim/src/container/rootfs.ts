import { chown, mkdir, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { mount } from '@berth/sdk/mount';
import { mountIdmapped } from '../idmapped-mount.ts';
import { mountPoints, unmountIfMounted } from '../mount-points.ts';
import type { Rootfs, RuntimeFeatures } from '../runtime.ts';

/** The kernel reads mount options from one page. */
const maxOptionBytes = 4095;

/** Plans a container's root file system below `directory`: the image's layers, and a writable one of its own. */
export function planRootfs(layers: string[], directory: string, wanted: RuntimeFeatures['rootfs']): Rootfs | undefined {
  if (wanted === 'none') return undefined;
  const mounted = wanted === 'mounted' ? join(directory, 'rootfs') : undefined;
  // Overlayfs wants a lower directory, also of an image without layers.
  const lowers = layers.length > 0 ? layers : [join(directory, 'empty')];
  return { lowers, upper: join(directory, 'upper'), work: join(directory, 'work'), mounted };
}

/** Where layers are mounted, with the ids of a user namespace, until the overlay of them is. */
const idmappedFolder = 'idmapped';

/** The user namespace that a container runs in, and who is root there. */
export interface UserNamespaceOwner {
  namespace: string;
  uid: number;
  gid: number;
}

/**
 * Makes the directories, and mounts them as one where the runtime wants it so. For a container in a user namespace the layers' ids are
 * mapped by it, and the writable one is its root's.
 */
export async function makeRootfs(
  { lowers, upper, work, mounted }: Rootfs,
  object: string,
  signal: AbortSignal,
  owner?: UserNamespaceOwner,
): Promise<void> {
  const own = lowers.filter((lower) => dirname(lower) === dirname(upper));
  for (const directory of [upper, work, ...own]) await mkdir(directory, { recursive: true, mode: 0o755 });
  if (mounted === undefined) return;
  await mkdir(mounted, { recursive: true, mode: 0o755 });
  const seen = idmappedLowers(lowers, join(dirname(upper), idmappedFolder), owner);
  if (owner) for (const directory of [upper, work]) await chown(directory, owner.uid, owner.gid);
  const links = await linkLowers(seen, join(dirname(upper), 'lowers'));
  const options = `lowerdir=${lowers.keys().toArray().join(':')},upperdir=${relative(links, upper)},workdir=${relative(links, work)}`;
  if (Buffer.byteLength(options) > maxOptionBytes) {
    throw new PluginError('RESOURCE_EXHAUSTED', `its image has ${lowers.length} layers, more than one overlay mount takes`, {
      object,
      hint: 'squash the image',
    });
  }
  mount('overlay', mounted, { type: 'overlay', data: options, directory: links });
  // The overlay has mounts of its own of these.
  if (owner) await unmountIdmapped(dirname(upper), signal);
}

/** Where the layers are seen with the ids of the owner's namespace; where they lie, without one. */
function idmappedLowers(lowers: string[], directory: string, owner: UserNamespaceOwner | undefined): string[] {
  if (!owner) return lowers;
  const places = lowers.map((_, index) => join(directory, String(index)));
  for (const [index, lower] of lowers.entries()) mountIdmapped(lower, places[index] as string, owner.namespace);
  return places;
}

async function unmountIdmapped(beside: string, signal: AbortSignal): Promise<void> {
  const below = join(beside, idmappedFolder, '/');
  const left = [...(await mountPoints())].filter((point) => point.startsWith(below));
  if (left.length > 0) await unmountIfMounted(left, signal);
}

/** Mounts layers as one, read-only, for a container in a user namespace with ids mapped by it. What lies beside the place is the caller's to remove. */
export async function mountReadonly(layers: string[], mounted: string, signal: AbortSignal, owner?: UserNamespaceOwner): Promise<void> {
  const beside = dirname(mounted);
  // Overlayfs wants two lower directories where it has no upper one.
  const empty = join(beside, 'empty');
  await mkdir(empty, { recursive: true, mode: 0o755 });
  const lowers = [...layers, empty];
  const links = await linkLowers(idmappedLowers(lowers, join(beside, idmappedFolder), owner), join(beside, 'lowers'));
  mount('overlay', mounted, {
    type: 'overlay',
    flags: ['readonly'],
    data: `lowerdir=${lowers.keys().toArray().join(':')}`,
    directory: links,
  });
  if (owner) await unmountIdmapped(beside, signal);
}

/** Lets go of what mountReadonly has mounted, whatever was done of it. */
export async function unmountReadonly(mounted: string, signal: AbortSignal): Promise<void> {
  await unmountIfMounted([mounted], signal);
  await unmountIdmapped(dirname(mounted), signal);
}

/** Numbered links to the layers: names so short that many have room in the one page of options, and none needs escaping. */
async function linkLowers(lowers: string[], directory: string): Promise<string> {
  await mkdir(directory, { mode: 0o755 });
  for (const [index, lower] of lowers.entries()) await symlink(lower, join(directory, String(index)));
  return directory;
}

export async function unmountRootfs(rootfs: Rootfs | undefined, signal: AbortSignal): Promise<void> {
  if (rootfs?.mounted === undefined) return;
  await unmountIfMounted([rootfs.mounted], signal);
  await unmountIdmapped(dirname(rootfs.upper), signal);
}
