import { once } from 'node:events';
import { connect } from 'node:net';
import { PluginError } from '@berth/sdk/errors';
import { type Directories, isSocket, kubeletSocket } from '../configuration/directories.ts';

/** Throws if a node is running already with this run directory: two would take each other's pods. */
export async function refuseSecondNode(directories: Directories): Promise<void> {
  const socket = kubeletSocket(directories);
  if (!isSocket(socket) || !(await someoneListens(socket))) return;
  throw new PluginError('ALREADY_EXISTS', 'another node is running with it', {
    object: `run directory ${directories.run}`,
    hint: 'stop that one, or give --root and --run of its own to this one',
  });
}

/** The socket file of a node that was killed stays behind; nobody listens on it. */
async function someoneListens(socket: string): Promise<boolean> {
  const connection = connect(socket);
  try {
    await once(connection, 'connect', { signal: AbortSignal.timeout(2000) });
    return true;
  } catch {
    return false;
  } finally {
    connection.destroy();
  }
}
