import { chmod, chown, mkdir, stat } from 'node:fs/promises';
import type { Volume } from '@berth/api/objects';
import { Quantity } from '@berth/api/quantity';
import { PluginError } from '@berth/sdk/errors';
import { runProgram } from '../run-program.ts';
import { mountsBelow } from './mount-table.ts';

/** Any container of the pod may write, whatever user it runs as. */
const openToAll = 0o777;
const ownedByGroup = 0o2775;

/** Makes the directory of an emptyDir volume, in memory if it asks for that. One that is there already stays as it is. */
export async function makeEmptyDir(path: string, volume: Volume, fsGroup: number | undefined, signal: AbortSignal): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return;
  await mkdir(path, { recursive: true });
  if (volume.emptyDir?.medium === 'Memory') await mountMemory(path, volume, signal);
  if (fsGroup === undefined) return chmod(path, openToAll);
  await chown(path, -1, fsGroup);
  await chmod(path, ownedByGroup | openToAll);
}

async function mountMemory(path: string, volume: Volume, signal: AbortSignal): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new PluginError('PERMISSION_DENIED', 'an emptyDir in memory needs root', {
      object: `volume ${volume.name}`,
      hint: 'leave out "medium: Memory", or run the node as root',
    });
  }
  if ((await mountsBelow(path)).includes(path)) return;
  const limit = volume.emptyDir?.sizeLimit;
  const size = limit === undefined ? [] : ['-o', `size=${Quantity.parse(limit).value()}`];
  await runProgram('mount', ['-t', 'tmpfs', ...size, 'tmpfs', path], signal);
}
