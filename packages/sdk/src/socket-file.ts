import { lstat, mkdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { PluginError } from './errors.ts';

/** How long a live server may take to accept a connection on a unix socket; a hung one counts as live. */
const probeMs = 1000;

/**
 * Makes room for a socket at `path`: its directory (0700, where missing) and the path itself, from which a socket
 * that nobody listens on is removed. A live one, and a file that is no socket, is ALREADY_EXISTS.
 */
export async function prepareSocketFile(path: string): Promise<void> {
  const object = `socket ${path}`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 }).catch((error) => {
    throw PluginError.from(error, 'INTERNAL', { object, hint: 'choose a directory that this user may write to' });
  });
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw PluginError.from(error, 'INTERNAL', { object });
  });
  if (!found) return;
  if (!found.isSocket())
    throw new PluginError('ALREADY_EXISTS', 'a file that is no socket is in the way', { object, hint: 'remove it or choose another path' });
  if (await isLive(path))
    throw new PluginError('ALREADY_EXISTS', 'another server listens on it', { object, hint: 'stop that one or choose another path' });
  await rm(path, { force: true });
}

/** Whether somebody serves on the socket at `path`: one that nobody listens on is what a killed server leaves. */
export function isLive(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  socket.setTimeout(probeMs, () => resolve(true));
  socket.once('connect', () => resolve(true));
  // A full backlog answers EAGAIN: somebody owns it. Only these prove that nobody does.
  const nobodys = ['ECONNREFUSED', 'ENOENT', 'ENOTDIR'];
  socket.once('error', ({ code = '' }: NodeJS.ErrnoException) => resolve(!nobodys.includes(code)));
  return promise.finally(() => socket.destroy());
}
