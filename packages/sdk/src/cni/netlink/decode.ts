import type { Address, Prefix } from '../address.ts';
import { addressOfBytes } from '../address.ts';
import type { NetworkAddress, NetworkLink, NetworkRoute } from '../network.ts';
import {
  addressAttribute,
  addressFamily,
  addressFlag,
  bridgePort,
  bridgeVlan,
  IF_OPER_UP,
  IFLA_BR_VLAN_FILTERING,
  interfaceFlag,
  linkAttribute,
  linkInfo,
  RTN_UNICAST,
  routeAttribute,
} from './constants.ts';
import { Attributes, bytesOf, listAttributes, readText, readU8, readU16, readU32 } from './message.ts';

/** An interface, from the payload of RTM_NEWLINK. */
export function decodeLink(payload: DataView): NetworkLink {
  const flags = readU32(payload, 8) ?? 0;
  const attributes = new Attributes(payload, 16);
  const info = new Attributes(attributes.get(linkAttribute.IFLA_LINKINFO));
  const kind = readText(info.get(linkInfo.IFLA_INFO_KIND)) ?? '';
  const masterIndex = readU32(attributes.get(linkAttribute.IFLA_MASTER));
  const peerIndex = readU32(attributes.get(linkAttribute.IFLA_LINK));
  const ofPort = readText(info.get(linkInfo.IFLA_INFO_SLAVE_KIND)) === 'bridge' ? portOf(info.get(linkInfo.IFLA_INFO_SLAVE_DATA)) : {};
  return {
    name: readText(attributes.get(linkAttribute.IFLA_IFNAME)) ?? '',
    index: readU32(payload, 4) ?? 0,
    mac: macOf(attributes.get(linkAttribute.IFLA_ADDRESS)),
    mtu: readU32(attributes.get(linkAttribute.IFLA_MTU)) ?? 0,
    kind,
    up: (flags & interfaceFlag.IFF_UP) !== 0,
    operational: readU8(attributes.get(linkAttribute.IFLA_OPERSTATE)) === IF_OPER_UP,
    promiscuous: (flags & interfaceFlag.IFF_PROMISC) !== 0,
    ...(masterIndex === undefined ? {} : { masterIndex }),
    ...(kind === 'veth' && peerIndex !== undefined ? { peerIndex } : {}),
    ...(kind === 'bridge' ? { vlanFiltering: isSet(new Attributes(info.get(linkInfo.IFLA_INFO_DATA)).get(IFLA_BR_VLAN_FILTERING)) } : {}),
    ...ofPort,
  };
}

function portOf(data: DataView | undefined): Pick<NetworkLink, 'hairpin' | 'isolated'> {
  const attributes = new Attributes(data);
  return {
    hairpin: isSet(attributes.get(bridgePort.IFLA_BRPORT_MODE)),
    isolated: isSet(attributes.get(bridgePort.IFLA_BRPORT_ISOLATED)),
  };
}

/** The address in the payload of RTM_NEWADDR, if it is that of interface `index`. */
export function decodeAddress(payload: DataView, index: number): NetworkAddress | undefined {
  if (readU32(payload, 4) !== index) return undefined;
  const attributes = new Attributes(payload, 8);
  // Of a point-to-point interface IFA_ADDRESS is the other end's.
  const address = addressOf(attributes.get(addressAttribute.IFA_LOCAL) ?? attributes.get(addressAttribute.IFA_ADDRESS));
  if (!address) return undefined;
  const flags = readU32(attributes.get(addressAttribute.IFA_FLAGS)) ?? payload.getUint8(2);
  return {
    prefix: { address, length: payload.getUint8(1) },
    tentative: (flags & addressFlag.IFA_F_TENTATIVE) !== 0,
    duplicate: (flags & addressFlag.IFA_F_DADFAILED) !== 0,
  };
}

/** The unicast route in the payload of RTM_NEWROUTE, if it goes by interface `index`. */
export function decodeRoute(payload: DataView, index: number): NetworkRoute | undefined {
  if (payload.getUint8(7) !== RTN_UNICAST) return undefined;
  const attributes = new Attributes(payload, 12);
  const hops = nextHops(attributes.get(routeAttribute.RTA_MULTIPATH));
  const direct = addressOf(attributes.get(routeAttribute.RTA_GATEWAY));
  const byInterface = readU32(attributes.get(routeAttribute.RTA_OIF)) === index || hops.some((hop) => hop.index === index);
  const destination = destinationOf(payload, attributes.get(routeAttribute.RTA_DST));
  if (!byInterface || !destination) return undefined;
  return {
    destination,
    gateways: [...(direct ? [direct] : []), ...hops.flatMap(({ gateway }) => gateway ?? [])],
    priority: readU32(attributes.get(routeAttribute.RTA_PRIORITY)) ?? 0,
    table: readU32(attributes.get(routeAttribute.RTA_TABLE)) ?? payload.getUint8(4),
  };
}

function destinationOf(payload: DataView, given: DataView | undefined): Prefix | undefined {
  const length = payload.getUint8(1);
  const family = payload.getUint8(0) === addressFamily.AF_INET ? 4 : 6;
  const address: Address | undefined = given ? addressOf(given) : { family, value: 0n };
  return address && { address, length };
}

function nextHops(multipath: DataView | undefined): { index: number; gateway: Address | undefined }[] {
  const hops = [];
  for (let offset = 0; multipath && offset + 8 <= multipath.byteLength; ) {
    const length = readU16(multipath, offset) ?? 0;
    if (length < 8 || offset + length > multipath.byteLength) break;
    const hop = new DataView(multipath.buffer, multipath.byteOffset + offset, length);
    hops.push({ index: readU32(hop, 4) ?? 0, gateway: addressOf(new Attributes(hop, 8).get(routeAttribute.RTA_GATEWAY)) });
    offset += length;
  }
  return hops;
}

/** The VLANs in the payload of RTM_NEWLINK of the family AF_BRIDGE, if it is that of interface `index`. */
export function decodePortVlans(payload: DataView, index: number): number[] {
  if (readU32(payload, 4) !== index) return [];
  const specification = new Attributes(payload, 16).get(linkAttribute.IFLA_AF_SPEC);
  const entries = specification ? listAttributes(specification) : [];
  return entries.flatMap(([type, value]) => (type === bridgeVlan.IFLA_BRIDGE_VLAN_INFO ? (readU16(value, 2) ?? []) : []));
}

function addressOf(attribute: DataView | undefined): Address | undefined {
  return attribute && addressOfBytes(bytesOf(attribute));
}

function macOf(attribute: DataView | undefined): string {
  if (!attribute) return '';
  const parts: string[] = [];
  for (const byte of bytesOf(attribute)) parts.push(byte.toString(16).padStart(2, '0'));
  return parts.join(':');
}

function isSet(attribute: DataView | undefined): boolean {
  return (readU8(attribute) ?? 0) !== 0;
}
