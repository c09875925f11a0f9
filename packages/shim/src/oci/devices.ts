import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Device } from '@berth/sdk/cri';
import { splitDeviceNumber } from '@berth/sdk/device-number';
import { PluginError } from '@berth/sdk/errors';
import type { OciDevice } from './config-json.ts';

/** A device node for a container, and how it may be used (`rwm`). */
export interface GrantedDevice extends OciDevice {
  access: string;
}

/** The nodes that a request's devices name; a folder stands for all nodes below it. */
export async function requestedDevices(devices: Device[], object: string): Promise<GrantedDevice[]> {
  const found = await Promise.all(devices.map((device) => requestedDevice(device, object)));
  return found.flat();
}

async function requestedDevice({ hostPath, containerPath, permissions }: Device, object: string): Promise<GrantedDevice[]> {
  const access = permissions || 'rwm';
  if (!/^[rwm]+$/.test(access))
    throw new PluginError('INVALID_ARGUMENT', `device ${hostPath}: permissions ${JSON.stringify(access)} aren't of r, w and m`, { object });
  const nodes = await deviceNodes(hostPath, containerPath || hostPath).catch((cause: unknown) => {
    throw new PluginError('INVALID_ARGUMENT', `device ${hostPath} can't be read: ${(cause as Error).message}`, { object, cause });
  });
  if (nodes.length === 0) throw new PluginError('INVALID_ARGUMENT', `${hostPath} is no device, and no folder with devices`, { object });
  return nodes.map((node) => ({ ...node, access }));
}

/** Folders of /dev that a container has of its own. */
const ownFolders = new Set(['pts', 'shm', 'fd', 'mqueue', 'console']);

/** Every device of the host, for privileged containers. */
export async function hostDevices(): Promise<GrantedDevice[]> {
  const names = (await readdir('/dev')).filter((name) => !ownFolders.has(name));
  const found = await Promise.all(names.map((name) => deviceNodes(`/dev/${name}`, `/dev/${name}`, () => [])));
  return found.flat().map((node) => ({ ...node, access: 'rwm' }));
}

/** The node at `hostPath`, to be seen at `path`, or all below a folder. `unreadable` stands for what can't be read: a link to nowhere. */
export async function deviceNodes(
  hostPath: string,
  path: string,
  unreadable: (error: Error) => OciDevice[] = rethrow,
): Promise<OciDevice[]> {
  try {
    return await readNodes(hostPath, path, unreadable);
  } catch (error) {
    return unreadable(error as Error);
  }
}

function rethrow(error: Error): never {
  throw error;
}

async function readNodes(hostPath: string, path: string, unreadable: (error: Error) => OciDevice[]): Promise<OciDevice[]> {
  const status = await stat(hostPath);
  if (status.isDirectory()) {
    const names = await readdir(hostPath);
    return (await Promise.all(names.map((name) => deviceNodes(join(hostPath, name), join(path, name), unreadable)))).flat();
  }
  if (!status.isBlockDevice() && !status.isCharacterDevice()) return [];
  return [
    {
      path,
      type: status.isBlockDevice() ? 'b' : 'c',
      ...splitDeviceNumber(status.rdev),
      fileMode: status.mode & 0o7777,
      uid: status.uid,
      gid: status.gid,
    },
  ];
}
