import { PluginError } from '@berth/sdk/errors';
import { isLive } from '@berth/sdk/socket-file';
import { type Directories, isSocket, kubeletSocket } from '../configuration/directories.ts';

/** Throws if a node is running already with this run directory: two would take each other's pods. */
export async function refuseSecondNode(directories: Directories): Promise<void> {
  const socket = kubeletSocket(directories);
  if (!isSocket(socket) || !(await isLive(socket))) return;
  throw new PluginError('ALREADY_EXISTS', 'another node is running with it', {
    object: `run directory ${directories.run}`,
    hint: 'stop that one, or give --root and --run of its own to this one',
  });
}
