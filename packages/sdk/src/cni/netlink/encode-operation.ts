import type { Address, Prefix } from '../address.ts';
import { addressBytes, lastAddress, networkAddress } from '../address.ts';
import type {
  AddAddress,
  AddBridge,
  AddPortVlan,
  AddRoute,
  AddVeth,
  DeleteAddress,
  DeletePortVlan,
  NetworkOperation,
  SetBridgePort,
  SetLink,
  SetSysctl,
} from '../network.ts';
import {
  addressAttribute,
  addressFamily,
  addressFlag,
  bridgePort,
  bridgeVlan,
  IFLA_BR_VLAN_FILTERING,
  interfaceFlag,
  linkAttribute,
  linkInfo,
  messageFlag,
  messageType,
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  RT_TABLE_UNSPEC,
  RTN_UNICAST,
  RTPROT_BOOT,
  routeAttribute,
  routeMetric,
  VETH_INFO_PEER,
} from './constants.ts';
import type { Attribute, Message } from './message.ts';
import { bytesOf32, encodeAttributes, text, u8, u16, u32 } from './message.ts';

/** What a message names by a number. */
export interface Numbers {
  /** The index of an interface. */
  indexOf(name: string): number;
  /** A descriptor of the namespace at a path, open until the message is sent. */
  namespaceDescriptor(path: string): number;
}

type Request = Omit<Message, 'sequence'>;

const acknowledged = messageFlag.NLM_F_REQUEST | messageFlag.NLM_F_ACK;
const exclusive = acknowledged | messageFlag.NLM_F_CREATE | messageFlag.NLM_F_EXCL;

/** The request that carries out an operation (rtnetlink(7)). */
export function encodeOperation(operation: Exclude<NetworkOperation, SetSysctl>, numbers: Numbers): Request {
  switch (operation.do) {
    case 'add bridge':
      return addBridge(operation);
    case 'add veth':
      return addVeth(operation, numbers);
    case 'set link':
      return setLink(operation);
    case 'set bridge port':
      return setBridgePort(operation);
    case 'delete link':
      return request(messageType.RTM_DELLINK, acknowledged, interfaceBody({}), [text(linkAttribute.IFLA_IFNAME, operation.name)]);
    case 'add port vlan':
      return portVlan(messageType.RTM_SETLINK, operation, numbers);
    case 'delete port vlan':
      return portVlan(messageType.RTM_DELLINK, { ...operation, untagged: false }, numbers);
    case 'add address':
      return addAddress(operation, numbers);
    case 'delete address':
      return deleteAddress(operation, numbers);
    case 'add route':
      return addRoute(operation, numbers);
  }
}

function addBridge({ name, mac, mtu, vlanFiltering }: AddBridge): Request {
  const info: Attribute[] = [
    text(linkInfo.IFLA_INFO_KIND, 'bridge'),
    ...(vlanFiltering ? [{ type: linkInfo.IFLA_INFO_DATA, value: [u8(IFLA_BR_VLAN_FILTERING, 1)] }] : []),
  ];
  const attributes = [...linkAttributes({ name, mtu, mac }), { type: linkAttribute.IFLA_LINKINFO, value: info }];
  return request(messageType.RTM_NEWLINK, exclusive, interfaceBody({ up: true }), attributes);
}

function addVeth({ name, mtu, bridge, peer }: AddVeth, { indexOf, namespaceDescriptor }: Numbers): Request {
  const peerAttributes = [
    ...linkAttributes({ ...peer, mtu }),
    ...(peer.netns === undefined ? [] : [u32(linkAttribute.IFLA_NET_NS_FD, namespaceDescriptor(peer.netns))]),
  ];
  const info: Attribute[] = [
    text(linkInfo.IFLA_INFO_KIND, 'veth'),
    // The peer's attributes stand behind a struct ifinfomsg of its own.
    { type: linkInfo.IFLA_INFO_DATA, value: [{ type: VETH_INFO_PEER, value: encodeAttributes(interfaceBody({}), peerAttributes) }] },
  ];
  const attributes = [
    ...linkAttributes({ name, mtu }),
    u32(linkAttribute.IFLA_MASTER, indexOf(bridge)),
    { type: linkAttribute.IFLA_LINKINFO, value: info },
  ];
  return request(messageType.RTM_NEWLINK, exclusive, interfaceBody({ up: true }), attributes);
}

function setLink({ name, up, mac, promiscuous }: SetLink): Request {
  return request(messageType.RTM_NEWLINK, acknowledged, interfaceBody({ up, promiscuous }), linkAttributes({ name, mac }));
}

function setBridgePort({ name, hairpin, isolated }: SetBridgePort): Request {
  const info: Attribute[] = [
    text(linkInfo.IFLA_INFO_SLAVE_KIND, 'bridge'),
    {
      type: linkInfo.IFLA_INFO_SLAVE_DATA,
      value: [
        ...(hairpin === undefined ? [] : [u8(bridgePort.IFLA_BRPORT_MODE, Number(hairpin))]),
        ...(isolated === undefined ? [] : [u8(bridgePort.IFLA_BRPORT_ISOLATED, Number(isolated))]),
      ],
    },
  ];
  const attributes = [...linkAttributes({ name }), { type: linkAttribute.IFLA_LINKINFO, value: info }];
  return request(messageType.RTM_NEWLINK, acknowledged, interfaceBody({}), attributes);
}

function portVlan(
  type: number,
  { port, vlan, untagged }: Omit<AddPortVlan | DeletePortVlan, 'do'> & { untagged: boolean },
  { indexOf }: Numbers,
): Request {
  const flags = untagged ? bridgeVlan.BRIDGE_VLAN_INFO_PVID | bridgeVlan.BRIDGE_VLAN_INFO_UNTAGGED : 0;
  const vlanInfo = Uint8Array.of(flags & 255, flags >> 8, vlan & 255, vlan >> 8);
  const specification: Attribute[] = [
    u16(bridgeVlan.IFLA_BRIDGE_FLAGS, bridgeVlan.BRIDGE_FLAGS_MASTER),
    { type: bridgeVlan.IFLA_BRIDGE_VLAN_INFO, value: vlanInfo },
  ];
  const body = interfaceBody({ family: addressFamily.AF_BRIDGE, index: indexOf(port) });
  return request(type, acknowledged, body, [{ type: linkAttribute.IFLA_AF_SPEC, value: specification }]);
}

function addAddress({ device, prefix, detectDuplicates }: AddAddress, { indexOf }: Numbers): Request {
  const flags = prefix.address.family === 6 && !detectDuplicates ? addressFlag.IFA_F_NODAD : 0;
  const attributes = [
    ...addressAttributes(prefix),
    // A network of two hosts has no address for a broadcast (RFC 3021).
    ...(prefix.address.family === 4 && prefix.length < 31
      ? [{ type: addressAttribute.IFA_BROADCAST, value: addressBytes(lastAddress(prefix)) }]
      : []),
    ...(flags === 0 ? [] : [u32(addressAttribute.IFA_FLAGS, flags)]),
  ];
  const create = acknowledged | messageFlag.NLM_F_CREATE | messageFlag.NLM_F_REPLACE;
  return request(messageType.RTM_NEWADDR, create, addressBody(prefix, indexOf(device), flags), attributes);
}

function deleteAddress({ device, prefix }: DeleteAddress, { indexOf }: Numbers): Request {
  return request(messageType.RTM_DELADDR, acknowledged, addressBody(prefix, indexOf(device), 0), addressAttributes(prefix));
}

function addRoute({ device, destination, gateways, mtu, advmss, priority, table, scope }: AddRoute, { indexOf }: Numbers): Request {
  const index = indexOf(device);
  const [gateway, ...more] = gateways;
  const metrics = [
    ...(mtu === undefined ? [] : [u32(routeMetric.RTAX_MTU, mtu)]),
    ...(advmss === undefined ? [] : [u32(routeMetric.RTAX_ADVMSS, advmss)]),
  ];
  const attributes: Attribute[] = [
    ...(destination.length > 0 ? [{ type: routeAttribute.RTA_DST, value: addressBytes(networkAddress(destination)) }] : []),
    ...(more.length > 0
      ? [{ type: routeAttribute.RTA_MULTIPATH, value: Uint8Array.from(gateways.flatMap((each) => nextHop(each, index))) }]
      : [...(gateway ? [gatewayAttribute(gateway)] : []), u32(routeAttribute.RTA_OIF, index)]),
    ...(metrics.length > 0 ? [{ type: routeAttribute.RTA_METRICS, value: metrics }] : []),
    ...(priority === undefined ? [] : [u32(routeAttribute.RTA_PRIORITY, priority)]),
    ...(table === undefined ? [] : [u32(routeAttribute.RTA_TABLE, table)]),
  ];
  // Neither EXCL nor REPLACE, as the reference plugin: a second interface may bring another route to the same network.
  return request(
    messageType.RTM_NEWROUTE,
    acknowledged | messageFlag.NLM_F_CREATE,
    routeBody({ destination, gateway, table, scope }),
    attributes,
  );
}

function gatewayAttribute(gateway: Address): Attribute {
  return { type: routeAttribute.RTA_GATEWAY, value: addressBytes(gateway) };
}

/** struct rtnexthop, with the gateway behind it. */
function nextHop(gateway: Address, index: number): number[] {
  const address = addressBytes(gateway);
  const length = 8 + 4 + address.length;
  return [length, 0, 0, 0, ...bytesOf32(index), 4 + address.length, 0, routeAttribute.RTA_GATEWAY, 0, ...address];
}

/** struct rtmsg. A route that names no gateway reaches its network on the link itself. */
function routeBody({
  destination,
  gateway,
  table,
  scope,
}: Pick<AddRoute, 'destination' | 'table' | 'scope'> & { gateway: Address | undefined }): Uint8Array {
  const { family } = destination.address;
  const shortTable = table === undefined ? RT_TABLE_MAIN : table < 256 ? table : RT_TABLE_UNSPEC;
  const chosenScope = scope ?? (family === 4 && !gateway ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE);
  return Uint8Array.of(numberOf(family), destination.length, 0, 0, shortTable, RTPROT_BOOT, chosenScope, RTN_UNICAST, 0, 0, 0, 0);
}

/** struct ifaddrmsg. */
function addressBody({ address, length }: Prefix, index: number, flags: number): Uint8Array {
  return Uint8Array.of(numberOf(address.family), length, flags, RT_SCOPE_UNIVERSE, ...bytesOf32(index));
}

function addressAttributes({ address }: Prefix): Attribute[] {
  const value = addressBytes(address);
  return [
    { type: addressAttribute.IFA_LOCAL, value },
    { type: addressAttribute.IFA_ADDRESS, value },
  ];
}

interface InterfaceBody {
  family?: number;
  index?: number;
  up?: boolean | undefined;
  promiscuous?: boolean | undefined;
}

/** struct ifinfomsg; flags that aren't given stay as they are. */
export function interfaceBody({ family = addressFamily.AF_UNSPEC, index = 0, up, promiscuous }: InterfaceBody): Uint8Array {
  const given = [
    { bit: interfaceFlag.IFF_UP, value: up },
    { bit: interfaceFlag.IFF_PROMISC, value: promiscuous },
  ].filter(({ value }) => value !== undefined);
  const flags = given.reduce((sum, { bit, value }) => sum | (value ? bit : 0), 0);
  const change = given.reduce((sum, { bit }) => sum | bit, 0);
  return Uint8Array.of(family, 0, 0, 0, ...bytesOf32(index), ...bytesOf32(flags), ...bytesOf32(change));
}

function linkAttributes({ name, mtu, mac }: { name: string; mtu?: number | undefined; mac?: string | undefined }): Attribute[] {
  return [
    text(linkAttribute.IFLA_IFNAME, name),
    ...(mtu === undefined ? [] : [u32(linkAttribute.IFLA_MTU, mtu)]),
    ...(mac === undefined
      ? []
      : [{ type: linkAttribute.IFLA_ADDRESS, value: Uint8Array.from(mac.split(':'), (part) => Number.parseInt(part, 16)) }]),
  ];
}

function numberOf(family: 4 | 6): number {
  return family === 4 ? addressFamily.AF_INET : addressFamily.AF_INET6;
}

function request(type: number, flags: number, body: Uint8Array, attributes: Attribute[]): Request {
  return { type, flags, body, attributes };
}
