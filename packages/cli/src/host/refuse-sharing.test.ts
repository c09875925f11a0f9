import { expect, it } from 'vitest';
import type { NodeEntry } from './node-registry.ts';
import { type HostClaim, refuseSharing } from './refuse-sharing.ts';

const own: HostClaim = { cgroupRoot: '/berth', bridge: 'berth0', subnet: '10.85.0.0/16' };
const nothing = { links: [], tables: [], sysctls: {} };
const elsewhere: HostClaim = { cgroupRoot: '/other', bridge: 'other0', subnet: '10.90.0.0/16' };
const node = (claim: HostClaim): NodeEntry => ({
  ...claim,
  file: '/run/other/host-baseline.json',
  bootId: 'this',
  root: '/var/lib/other',
  process: { pid: 42, startTicks: 1 },
  baseline: nothing,
});

it.each<[what: string, other: Partial<HostClaim>, object: string, fields: string]>([
  ['cgroups', { cgroupRoot: '/berth' }, 'cgroupRoot /berth', 'cgroupRoot'],
  ['a bridge', { bridge: 'berth0' }, 'cni.bridge berth0', 'cni.bridge'],
  ['addresses', { subnet: '10.85.7.0/24' }, 'cni.subnet 10.85.0.0/16', 'cni.subnet'],
  ['a subnet that holds its own', { subnet: '10.0.0.0/8' }, 'cni.subnet 10.85.0.0/16', 'cni.subnet'],
  ['all of it', own, 'cgroupRoot /berth, cni.bridge berth0, cni.subnet 10.85.0.0/16', 'cgroupRoot, cni.bridge, cni.subnet'],
])('a node is refused while another one has %s, which is named with the cure', (_what, other, object, fields) => {
  expect(() => refuseSharing(own, [node(elsewhere), node({ ...elsewhere, ...other })])).toThrow(
    `${object}: the node that runs with the root directory /var/lib/other (pid 42) has it too; ` +
      `stop that one, or give this one another ${fields} in its berth.yaml (--node-config)`,
  );
});

it.each<[what: string, own: HostClaim, other: HostClaim]>([
  ['everything apart', own, elsewhere],
  ['addresses of another family', own, { ...elsewhere, subnet: 'fd00::/64' }],
  ['a network of somebody else, whatever its bridge would be called', { cgroupRoot: '/mine', bridge: 'berth0' }, own],
  ['no cgroups', { bridge: 'mine0', subnet: '10.99.0.0/16' }, { bridge: 'other0', subnet: '10.90.0.0/16' }],
])('nodes may run side by side with %s', (_what, mine, other) => {
  expect(() => refuseSharing(mine, [node(other)])).not.toThrow();
});
