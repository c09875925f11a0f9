import { quoted } from '@berth/sdk/quoted';
import { expectDistinct, expectTrue } from '../../expect.ts';
import { type Case, SkipCase } from '../../suite.ts';
import type { Device } from '../messages.ts';
import type { DeviceTarget } from '../target.ts';

const longestId = 63;
/** kubelet keeps NUMA nodes in a mask of 64 bits (kubernetes:pkg/kubelet/cm/topologymanager/bitmask). */
const nodes = 64;

/** A case about each of the devices that the plugin tells of. */
function deviceCase(id: string, clause: string, proves: string[], problem: (device: Device) => string | undefined): Case<DeviceTarget> {
  return {
    id: `device.${id}`,
    group: 'device',
    clause,
    proves: [...proves, 'ListAndWatchResponse.devices'],
    async run(target) {
      const devices = await target.devices();
      if (devices.length === 0) throw new SkipCase('there is no device');
      const problems = devices.flatMap((device) => problem(device) ?? []);
      expectTrue(problems.length === 0, problems.slice(0, 5).join('; '));
    },
  };
}

const shown = ({ ID }: Device): string => quoted(ID);

/** What a list says of its devices. */
export const deviceCases: Case<DeviceTarget>[] = [
  deviceCase('id-length', `an id has 1 to ${longestId} characters (api.proto, Device.ID)`, ['Device.ID'], (device) =>
    device.ID.length >= 1 && device.ID.length <= longestId ? undefined : `the id ${shown(device)} has ${device.ID.length} characters`,
  ),
  deviceCase(
    'id-characters',
    'an id has no NUL: it becomes part of variables, paths and annotations (api.proto, Device.ID)',
    ['Device.ID'],
    (device) => (device.ID.includes('\0') ? `the id ${shown(device)} has a NUL` : undefined),
  ),
  {
    id: 'device.id-unique',
    group: 'device',
    clause: 'an id is unique within the resource: devices are told apart by it (api.proto, Device.ID)',
    proves: ['Device.ID', 'ListAndWatchResponse.devices'],
    async run(target) {
      const { watch } = await target.plugin();
      await watch.first(target.patienceMs);
      for (const devices of watch.lists) {
        expectDistinct(
          devices.map(({ ID }) => ID),
          'ids that come more than once in a list',
        );
      }
    },
  },
  deviceCase(
    'health',
    'health is Healthy or Unhealthy, and nothing else (constants.go, Healthy and Unhealthy)',
    ['Device.health'],
    (device) => (['Healthy', 'Unhealthy'].includes(device.health) ? undefined : `health of ${shown(device)} is ${quoted(device.health)}`),
  ),
  deviceCase(
    'numa-nodes',
    'a topology names NUMA nodes by their numbers, each once (KEP-693, device plugin interface; topologymanager, bitmask)',
    ['Device.topology', 'TopologyInfo.nodes', 'NUMANode.ID'],
    (device) => {
      const ids = (device.topology?.nodes ?? []).map(({ ID }) => Number(ID));
      const wrong = ids.filter((id, index) => id < 0 || id >= nodes || ids.indexOf(id) !== index);
      return wrong.length === 0 ? undefined : `NUMA nodes of ${shown(device)} are ${ids.join(', ')}`;
    },
  ),
];
