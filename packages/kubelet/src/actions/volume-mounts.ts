import type { Container, VolumeMount } from '@berth/api/objects';
import type { Mount } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { expandKnown } from '../cri/expansion.ts';
import { criMount, type MountSource } from '../cri/volume-mount.ts';
import type { PluggedVolume } from '../volumes/pod-volumes.ts';
import { bindSubPath } from '../volumes/sub-path.ts';
import type { ActionContext } from './action-context.ts';
import { volumeImage } from './volume-image.ts';

/** What mounts are made for. */
interface Mounting {
  container: Container;
  /** For subPathExpr. */
  variables: ReadonlyMap<string, string>;
  sandboxAttempt: number;
}

/** The container's volume mounts in CRI's words, with images pulled and parts of volumes made ready. */
export async function volumeMounts(context: ActionContext, mounting: Mounting, signal: AbortSignal): Promise<Mount[]> {
  const mounts: Mount[] = [];
  for (const [index, mount] of (mounting.container.volumeMounts ?? []).entries()) {
    mounts.push(criMount(mount, await sourceOf(context, mounting, mount, index, signal)));
  }
  return mounts;
}

async function sourceOf(
  context: ActionContext,
  { container, variables, sandboxAttempt }: Mounting,
  mount: VolumeMount,
  index: number,
  signal: AbortSignal,
): Promise<MountSource> {
  const { pod, volumes } = context;
  const plugged = volumes.find(pod, mount.name);
  if (!plugged) throw new PluginError('NOT_FOUND', 'the pod has no such volume', { object: `volume ${mount.name}` });
  const { plugin, volume } = plugged;
  const subPath = mount.subPathExpr ? expandKnown(mount.subPathExpr, variables) : (mount.subPath ?? '');
  const recursiveReadOnly = await recursive(context, mount, signal);
  const common = { readOnly: plugin.readOnly, recursiveReadOnly };
  const path = plugin.path(pod, volume);
  if (path !== undefined) return { ...common, hostPath: await partOf(context, plugged, path, subPath, container, index) };
  return { ...common, image: await volumeImage(context, container, volume, sandboxAttempt, signal), imageSubPath: subPath };
}

async function partOf(
  { pod, directories }: ActionContext,
  { volume }: PluggedVolume,
  path: string,
  subPath: string,
  container: Container,
  index: number,
): Promise<string> {
  if (subPath === '') return path;
  const target = directories.subPath(pod, volume.name, container.name, index);
  try {
    await bindSubPath({ volume: path, path: subPath, target });
    return target;
  } catch (thrown) {
    const { code, message } = PluginError.from(thrown);
    const what = `failed to prepare subPath for volumeMount ${JSON.stringify(volume.name)} of container ${JSON.stringify(container.name)}`;
    throw new PluginError(code, `${what}: ${message}`, { cause: thrown });
  }
}

/** Enabled needs a runtime that can; IfPossible takes what there is. */
async function recursive(
  { client, environment }: ActionContext,
  { name, recursiveReadOnly }: VolumeMount,
  signal: AbortSignal,
): Promise<boolean> {
  if (recursiveReadOnly !== 'Enabled' && recursiveReadOnly !== 'IfPossible') return false;
  const { recursiveReadOnlyMounts: can } = await environment.features.of(client, signal);
  if (can || recursiveReadOnly === 'IfPossible') return can;
  throw new PluginError('FAILED_PRECONDITION', `runtime ${client.handler} doesn't mount recursively read-only`, {
    object: `volumeMount ${name}`,
    hint: 'use recursiveReadOnly: IfPossible, or another runtime',
  });
}
