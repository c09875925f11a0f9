import { PluginError } from '@berth/sdk/errors';
import { deviceNodes, type GrantedDevice } from '../devices.ts';
import type { CdiDeviceNode, ContainerEdits } from './specification.ts';

/** The nodes that edits name; what a specification leaves out is read from the host's node. */
export async function cdiDeviceNodes(edits: ContainerEdits[], object: string): Promise<GrantedDevice[]> {
  const nodes = edits.flatMap((each) => each.deviceNodes);
  const devices = await Promise.all(nodes.map((node) => grantedDevice(node, object)));
  return [...new Map(devices.map((device) => [device.path, device])).values()];
}

async function grantedDevice(node: CdiDeviceNode, object: string): Promise<GrantedDevice> {
  const { path, hostPath = path, permissions } = node;
  const [found] = await deviceNodes(hostPath, path).catch((cause: unknown) => {
    throw new PluginError('FAILED_PRECONDITION', `CDI device node ${hostPath} can't be read: ${(cause as Error).message}`, {
      object,
      cause,
    });
  });
  if (!found || found.path !== path) {
    throw new PluginError('FAILED_PRECONDITION', `CDI device node ${hostPath} is no device`, {
      object,
      hint: "have the vendor's tool write its specification again",
    });
  }
  return {
    ...found,
    type: node.type === 'b' || node.type === 'c' ? node.type : found.type,
    major: node.major ?? found.major,
    minor: node.minor ?? found.minor,
    fileMode: node.fileMode ?? found.fileMode,
    uid: node.uid ?? found.uid,
    gid: node.gid ?? found.gid,
    access: permissions,
  };
}
