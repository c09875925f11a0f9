import { type Address, formatAddress, formatPrefix, type Prefix } from '@berth/sdk/cni/address';
import { isObject } from '@berth/sdk/cni/types';
import type { Forwarding, Neighbour, Route } from '../../kernel/entries.ts';
import type { Family } from '../../per-family.ts';
import type { Lease } from '../../subnet/lease.ts';

export const vxlanType = 'vxlan';

/** Another host's side of the network in one family. */
interface Peer {
  subnet: Prefix;
  host: Address;
  /** Of its VXLAN device. */
  mac: string;
}

/** What the kernel has to know to reach the peers through a VXLAN device. */
export interface VxlanEntries {
  neighbours: Neighbour[];
  forwardings: Forwarding[];
  routes: Route[];
}

/** This host's own side, by which its peers are known. */
interface OwnSide {
  family: Family;
  vni: number;
  /** Of its VXLAN device. */
  mac: string;
}

/**
 * The hosts of the leases, in one family, with the same VNI; those of other back ends, and those that don't say enough, are left out. Leases
 * with one MAC address are one host's, which came back with another address: the later one says where it is, also for the pods of the earlier.
 */
export function peersOf(leases: readonly Lease[], { family, vni, mac: own }: OwnSide): Peer[] {
  const peers = allPeers(leases, family, vni).filter(({ mac }) => mac !== own);
  const hosts = new Map(peers.map(({ mac, host }) => [mac, host]));
  return peers.map((peer) => ({ ...peer, host: hosts.get(peer.mac) ?? peer.host }));
}

function allPeers(leases: readonly Lease[], family: Family, vni: number): Peer[] {
  return leases.flatMap(({ subnets, attributes }) => {
    const [subnet, host, data] = [subnets[family], attributes.publicIp[family], attributes.backendData[family]];
    if (attributes.backendType !== vxlanType || !subnet || !host || !isObject(data)) return [];
    const mac = String(data.VtepMAC).toLowerCase();
    if (!/^([\da-f]{2}:){5}[\da-f]{2}$/.test(mac) || (data.VNI !== undefined && data.VNI !== vni)) return [];
    return [{ subnet, host, mac }];
  });
}

/**
 * A peer's subnet is reached by its first address, which is its device's: that has the peer's MAC address, which is sent to its host. A
 * `direct` peer, on this host's own link, is a gateway instead.
 */
export function entriesFor(peers: readonly Peer[], device: string, direct: { link: string; hosts: ReadonlySet<string> }): VxlanEntries {
  const isDirect = ({ host }: Peer): boolean => direct.hosts.has(formatAddress(host));
  const tunnelled = peers.filter((peer) => !isDirect(peer));
  return {
    neighbours: tunnelled.map(({ subnet, mac }) => ({ address: formatAddress(subnet.address), mac })),
    forwardings: [...new Map(tunnelled.map(({ host, mac }) => [mac, { mac, host: formatAddress(host) }])).values()],
    routes: [
      ...tunnelled.map(({ subnet }) => ({
        destination: formatPrefix(subnet),
        gateway: formatAddress(subnet.address),
        device,
        onlink: true,
      })),
      ...peers
        .filter(isDirect)
        .map(({ subnet, host }) => ({ destination: formatPrefix(subnet), gateway: formatAddress(host), device: direct.link })),
    ],
  };
}
