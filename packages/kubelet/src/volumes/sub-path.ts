import { closeSync, constants, openSync } from 'node:fs';
import { chmod, mkdir, open, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { neverAborted } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';
import { mount, unmount } from '@berth/sdk/mount';
import { mayMount } from './memory-mount.ts';
import { systemCalls } from './system-calls.ts';

const O_PATH = 0o10000000;
const permissions = 0o7777;

/** A part of a volume, and where it is to be seen. */
interface SubPath {
  /** The volume on the host; symbolic links in it are the kubelet's or the host's own, and followed. */
  volume: string;
  /** Relative, of whatever a container may have made of it meanwhile. */
  path: string;
  /** In the pod's directory, where no container can change anything. */
  target: string;
}

/**
 * Makes a part of a volume a place of its own: what is at `target` afterwards is what the path led to when the kernel looked, however
 * containers rename things in between. A path that leads out of the volume is refused; directories that are missing are made, with the
 * volume's own mode. Repeated, it follows the path anew.
 */
export async function bindSubPath({ volume, path, target }: SubPath): Promise<void> {
  if (path.startsWith('/') || path.split('/').includes('..')) {
    throw new PluginError('INVALID_ARGUMENT', 'must be a relative path without ".."', { object: `subPath ${JSON.stringify(path)}` });
  }
  if (!mayMount)
    throw new PluginError('PERMISSION_DENIED', 'mounting a part of a volume needs root', {
      object: `subPath ${path}`,
      hint: 'run the node as root',
    });
  const top = openSync(volume, O_PATH);
  try {
    const { mode } = await stat(volume);
    const parts = path.split('/').filter((part) => part !== '' && part !== '.');
    const found = await openOrMake(top, parts, mode & permissions);
    try {
      await bind(found, target);
    } finally {
      closeSync(found);
    }
  } catch (thrown) {
    const { code, message } = PluginError.from(thrown);
    throw new PluginError(code, message, { object: `subPath ${JSON.stringify(path)}`, cause: thrown });
  } finally {
    closeSync(top);
  }
}

/** Opens a path below a directory, making what is missing. The caller closes the descriptor. */
async function openOrMake(top: number, parts: readonly string[], mode: number): Promise<number> {
  const calls = systemCalls();
  const found = calls.openBelow(top, parts.join('/') || '.');
  if (found !== undefined) return found;
  let parent = calls.openBelow(top, '.', { directory: true });
  for (let depth = 1; depth <= parts.length && parent !== undefined; depth++) {
    let next: number | undefined;
    try {
      next = calls.openBelow(top, parts.slice(0, depth).join('/')) ?? (await makeIn(parent, parts[depth - 1] ?? '', mode));
    } finally {
      closeSync(parent);
    }
    parent = next;
  }
  if (parent === undefined) throw new PluginError('ABORTED', 'it was removed while it was made');
  return parent;
}

/** Makes a directory and opens it. What was put in its place meanwhile may be a directory too, but no link. */
async function makeIn(parent: number, name: string, mode: number): Promise<number | undefined> {
  const calls = systemCalls();
  const made = calls.makeDirectory(parent, name, 0o750);
  const opened = calls.openBelow(parent, name, { directory: true, noSymlinks: true });
  if (made && opened !== undefined) await chmod(`/proc/self/fd/${opened}`, mode);
  return opened;
}

/** Shows what a descriptor has open at a place of the kubelet's own. */
async function bind(descriptor: number, target: string): Promise<void> {
  const source = `/proc/self/fd/${descriptor}`;
  const wanted = await stat(source);
  const before = await stat(target).catch(() => undefined);
  if (before?.dev === wanted.dev && before.ino === wanted.ino) return;
  if (before) await unbind(target);
  await mkdir(dirname(target), { recursive: true, mode: 0o750 });
  if (wanted.isDirectory()) await mkdir(target, { recursive: true, mode: 0o750 });
  else await (await open(target, constants.O_CREAT | constants.O_RDONLY | constants.O_NOFOLLOW, 0o640)).close();
  mount(source, target, { flags: ['bind'] });
}

/** What is left of the place afterwards is empty, or something is wrong: nothing below it is ever removed. */
async function unbind(target: string): Promise<void> {
  while (await unmount(target, neverAborted));
  if ((await stat(target)).isDirectory()) await rmdir(target);
  else await unlink(target);
}
