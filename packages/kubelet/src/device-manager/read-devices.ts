import type { Device } from '@berth/sdk/device/protocol';
import { highestNode } from '../topology-manager/numa-mask.ts';
import { type DeviceSet, deviceNear, type KnownDevice } from './device-set.ts';

/** The API says 63; kubelet takes any. More than this is no name of anything. */
const longestId = 1024;

/** What a plugin's list comes to, and what of it can't be taken, in words. */
interface ReadDevices {
  devices: DeviceSet;
  problems: string[];
}

/** The devices of a list. A device without a proper id is left out; of two with one id the last counts, as in kubelet. */
export function readDevices(list: readonly Device[]): ReadDevices {
  const devices = new Map<string, KnownDevice>();
  const problems: string[] = [];
  for (const { ID: id, health, topology } of list) {
    const problem = problemOf(id) ?? (devices.has(id) ? `the id ${JSON.stringify(id)} comes twice; the last one counts` : undefined);
    if (problem !== undefined) problems.push(problem);
    if (problemOf(id) !== undefined) continue;
    const told = (topology?.nodes ?? []).map(({ ID }) => Number(ID));
    const nodes = told.filter((node) => node >= 0 && node <= highestNode);
    if (nodes.length < told.length) problems.push(`the device ${JSON.stringify(id)} names NUMA nodes beyond 0 to ${highestNode}`);
    devices.set(id, deviceNear(nodes, health === 'Healthy'));
  }
  return { devices, problems };
}

function problemOf(id: string): string | undefined {
  if (id === '') return 'a device without an id is left out';
  if (Buffer.byteLength(id) > longestId)
    return `a device whose id has ${Buffer.byteLength(id)} bytes is left out: ${longestId} are allowed`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
  return /[\u0000-\u001f\u007f]/.test(id) ? `the device ${JSON.stringify(id)} is left out: its id has control characters` : undefined;
}

export function isSameSet(one: DeviceSet, other: DeviceSet): boolean {
  if (one.size !== other.size) return false;
  for (const [id, { healthy, nodes }] of one) {
    const device = other.get(id);
    if (device?.healthy !== healthy || device.nodes !== nodes) return false;
  }
  return true;
}
