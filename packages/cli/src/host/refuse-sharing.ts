import { BlockList, isIPv6 } from 'node:net';
import { PluginError } from '@berth/sdk/errors';
import type { NodeEntry } from './node-registry.ts';

/** What of the host a node has for itself alone. */
export type HostClaim = Pick<NodeEntry, 'cgroupRoot' | 'bridge' | 'subnet'>;

/**
 * ALREADY_EXISTS if a node that runs has something that this one is to have: each would remove the cgroups of the other's pods, and give their
 * addresses to its own.
 */
export function refuseSharing(own: HostClaim, running: readonly NodeEntry[]): void {
  for (const other of running) {
    const shared = sharedFields(own, other);
    if (shared.length === 0) continue;
    const both = shared.map(([field, value]) => `${field} ${value}`).join(', ');
    throw new PluginError(
      'ALREADY_EXISTS',
      `the node that runs with the root directory ${other.root} (pid ${other.process.pid}) has it too`,
      {
        object: both,
        hint: `stop that one, or give this one another ${shared.map(([field]) => field).join(', ')} in its berth.yaml (--node-config)`,
      },
    );
  }
}

function sharedFields(own: HostClaim, other: HostClaim): [field: string, value: string][] {
  const shared: [string, string][] = [];
  if (own.cgroupRoot !== undefined && own.cgroupRoot === other.cgroupRoot) shared.push(['cgroupRoot', own.cgroupRoot]);
  if (own.subnet === undefined || other.subnet === undefined) return shared;
  if (own.bridge === other.bridge) shared.push(['cni.bridge', own.bridge]);
  if (overlap(own.subnet, other.subnet)) shared.push(['cni.subnet', own.subnet]);
  return shared;
}

/** Of two subnets that have addresses in common one holds the other's first. */
function overlap(a: string, b: string): boolean {
  return holds(a, b) || holds(b, a);
}

function holds(subnet: string, other: string): boolean {
  const [network = '', prefix = ''] = subnet.split('/');
  const [address = ''] = other.split('/');
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), familyOf(network));
  return list.check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
