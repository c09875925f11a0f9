import { mkdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { unmountIfMounted } from '../mounts.ts';
import { runProgram } from '../run-program.ts';
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

/** Makes the directories, and mounts them as one where the runtime wants it so. */
export async function makeRootfs(rootfs: Rootfs, object: string, signal: AbortSignal): Promise<void> {
  const own = rootfs.lowers.filter((lower) => dirname(lower) === dirname(rootfs.upper));
  for (const directory of [rootfs.upper, rootfs.work, ...own]) await mkdir(directory, { recursive: true, mode: 0o755 });
  if (rootfs.mounted === undefined) return;
  await mkdir(rootfs.mounted, { recursive: true, mode: 0o755 });
  // Relative names, below the folder that all layers are in, leave room for many layers in the one page of options.
  const base = dirname(rootfs.lowers[0] ?? rootfs.upper);
  const lowers = rootfs.lowers.map((layer) => relative(base, layer)).join(':');
  const options = `lowerdir=${lowers},upperdir=${rootfs.upper},workdir=${rootfs.work}`;
  if (Buffer.byteLength(options) > maxOptionBytes) {
    throw new PluginError('RESOURCE_EXHAUSTED', `its image has ${rootfs.lowers.length} layers, more than one overlay mount takes`, {
      object,
      hint: 'squash the image',
    });
  }
  await runProgram('mount', ['-t', 'overlay', 'overlay', '-o', options, rootfs.mounted], { cwd: base, signal });
}

export async function unmountRootfs(rootfs: Rootfs | undefined, signal: AbortSignal): Promise<void> {
  if (rootfs?.mounted !== undefined) await unmountIfMounted([rootfs.mounted], signal);
}
