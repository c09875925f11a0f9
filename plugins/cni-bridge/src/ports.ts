import type { NetworkOperation } from '@berth/sdk/cni/network';
import type { Configuration } from './configuration.ts';

/** Makes the bridge. Its hardware address is set, since the kernel would change it with every port that comes and goes. */
export function createBridge(configuration: Configuration, mac: string): NetworkOperation[] {
  const { bridge, mtu } = configuration;
  return [
    { do: 'add bridge', name: bridge, mac, ...withMtu(mtu), ...(usesVlans(configuration) ? { vlanFiltering: true } : {}) },
    refuseRouterAdvertisements(bridge),
  ];
}

/** Makes the pair of interfaces, one end a port of the bridge, the other in the container's namespace and down. */
export function createPort(
  { bridge, mtu, mac, hairpinMode, portIsolation }: Configuration,
  hostVeth: string,
  ifName: string,
  netns: string,
): NetworkOperation[] {
  return [
    { do: 'add veth', name: hostVeth, ...withMtu(mtu), bridge, peer: { name: ifName, netns, ...(mac ? { mac } : {}) } },
    refuseRouterAdvertisements(hostVeth),
    ...portModes(hostVeth, hairpinMode, portIsolation),
  ];
}

/** Undoes `createPort`: the other end goes with it. */
export function removePort(hostVeth: string): NetworkOperation[] {
  return [{ do: 'delete link', name: hostVeth }];
}

/** Makes the bridge's own interface in its VLAN, a port of the bridge like that of a container. */
export function createVlanGateway({ bridge, mtu }: Configuration, hostVeth: string, gateway: string): NetworkOperation[] {
  return [{ do: 'add veth', name: hostVeth, ...withMtu(mtu), bridge, peer: { name: gateway } }, refuseRouterAdvertisements(hostVeth)];
}

/** Puts a port into its VLANs; `present`: those that it is in, of which the bridge's default one goes where it isn't preserved. */
export function joinVlans(
  { vlan: own, vlanTrunk, preserveDefaultVlan }: Configuration,
  port: string,
  present: number[],
): NetworkOperation[] {
  const wanted = own > 0 ? [{ vlan: own, untagged: true }] : vlanTrunk.map((tagged) => ({ vlan: tagged, untagged: false }));
  const isWanted = (vlan: number) => wanted.some((each) => each.vlan === vlan);
  const removed = preserveDefaultVlan ? [] : present.filter((vlan) => !isWanted(vlan));
  return [
    ...removed.map((gone): NetworkOperation => ({ do: 'delete port vlan', port, vlan: gone })),
    ...wanted.map((each): NetworkOperation => ({ do: 'add port vlan', port, ...each })),
  ];
}

export function usesVlans({ vlan, vlanTrunk }: Pick<Configuration, 'vlan' | 'vlanTrunk'>): boolean {
  return vlan > 0 || vlanTrunk.length > 0;
}

function portModes(name: string, hairpin: boolean, isolated: boolean): NetworkOperation[] {
  if (!hairpin && !isolated) return [];
  return [{ do: 'set bridge port', name, ...(hairpin ? { hairpin } : {}), ...(isolated ? { isolated } : {}) }];
}

/** The host takes no routes from what a container announces. Where that can't be set, a host that forwards takes none either. */
function refuseRouterAdvertisements(device: string): NetworkOperation {
  return { do: 'set sysctl', key: `net/ipv6/conf/${device}/accept_ra`, value: '0' };
}

function withMtu(mtu: number | undefined): { mtu?: number } {
  return mtu === undefined ? {} : { mtu };
}
