import { deviceHealthy } from '@berth/sdk/device/constants';
import { problemOfId } from '@berth/sdk/device/id';
import type { Device } from '@berth/sdk/device/protocol';
import { quoted } from '@berth/sdk/quoted';
import { highestNode } from '../topology-manager/numa-mask.ts';
import { type DeviceSet, deviceNear, type KnownDevice } from './device-set.ts';

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
    const problem = problemOfId(id);
    if (problem !== undefined) {
      problems.push(`the device ${quoted(id)} is left out: ${problem}`);
      continue;
    }
    if (devices.has(id)) problems.push(`the id ${quoted(id)} comes twice; the last one counts`);
    const told = (topology?.nodes ?? []).map(({ ID }) => Number(ID));
    const nodes = told.filter((node) => node >= 0 && node <= highestNode);
    if (nodes.length < told.length) problems.push(`the device ${quoted(id)} names NUMA nodes beyond 0 to ${highestNode}`);
    devices.set(id, deviceNear(nodes, health === deviceHealthy));
  }
  return { devices, problems };
}

export function isSameSet(one: DeviceSet, other: DeviceSet): boolean {
  if (one.size !== other.size) return false;
  for (const [id, { healthy, nodes }] of one) {
    const device = other.get(id);
    if (device?.healthy !== healthy || device.nodes !== nodes) return false;
  }
  return true;
}
