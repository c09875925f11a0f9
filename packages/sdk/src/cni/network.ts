import type { Address, Prefix } from './address.ts';

/** A change of the network of one namespace: plain data, which an executor of `Network` carries out. */
export type NetworkOperation =
  | AddBridge
  | AddVeth
  | SetLink
  | SetBridgePort
  | DeleteLink
  | AddPortVlan
  | DeletePortVlan
  | AddAddress
  | DeleteAddress
  | AddRoute
  | SetSysctl;

/** Makes a bridge and brings it up. */
export interface AddBridge {
  do: 'add bridge';
  name: string;
  mac: string;
  mtu?: number;
  vlanFiltering?: boolean;
}

/** Makes a pair of interfaces: one here, as a port of `bridge`, and up; the other one is down. */
export interface AddVeth {
  do: 'add veth';
  name: string;
  mtu?: number;
  bridge: string;
  /** `netns`: the path of the namespace that the other end is made in; absent for this one. */
  peer: { name: string; mac?: string; netns?: string };
}

/** Changes an interface; what is absent stays. */
export interface SetLink {
  do: 'set link';
  name: string;
  up?: boolean;
  mac?: string;
  promiscuous?: boolean;
}

/** Changes a port of a bridge; what is absent stays. */
export interface SetBridgePort {
  do: 'set bridge port';
  name: string;
  hairpin?: boolean;
  isolated?: boolean;
}

export interface DeleteLink {
  do: 'delete link';
  name: string;
}

/** Makes a port a member of a VLAN: tagged, or with `untagged` as the one of frames that carry no tag. */
export interface AddPortVlan {
  do: 'add port vlan';
  port: string;
  vlan: number;
  untagged: boolean;
}

export interface DeletePortVlan {
  do: 'delete port vlan';
  port: string;
  vlan: number;
}

/** Gives an interface an address. One that it has already is no failure: another call may have been faster. */
export interface AddAddress {
  do: 'add address';
  device: string;
  prefix: Prefix;
  /** IPv6: whether the kernel looks for another host with the address before it uses it. */
  detectDuplicates: boolean;
}

export interface DeleteAddress {
  do: 'delete address';
  device: string;
  prefix: Prefix;
}

/** Adds a route by one gateway, by several at once, or by none. */
export interface AddRoute {
  do: 'add route';
  device: string;
  destination: Prefix;
  gateways: Address[];
  mtu?: number;
  advmss?: number;
  priority?: number;
  table?: number;
  scope?: number;
}

/** Sets a kernel parameter where it can be set: a kernel without it, or a read-only /proc/sys, is no failure. */
export interface SetSysctl {
  do: 'set sysctl';
  /** As below /proc/sys: `net/ipv4/conf/eth0/arp_notify`. */
  key: string;
  value: string;
}

/** An operation that failed; those after it weren't begun. */
export interface OperationFailure {
  operation: NetworkOperation;
  /** The kernel's errno by name, `EEXIST`; 'UNKNOWN' where it isn't known. */
  code: string;
  reason: string;
}

/** An interface. */
export interface NetworkLink {
  name: string;
  index: number;
  mac: string;
  mtu: number;
  /** As rtnetlink names it: `veth`, `bridge`; '' for a hardware interface. */
  kind: string;
  up: boolean;
  /** It has a carrier, and forwards where it is a port. */
  operational: boolean;
  promiscuous: boolean;
  /** Index of the bridge that it is a port of. */
  masterIndex?: number;
  /** Of a veth: the index of the other end, in its own namespace. */
  peerIndex?: number;
  /** Of a bridge: whether it keeps VLANs apart. */
  vlanFiltering?: boolean;
  /** Of a port of a bridge. */
  hairpin?: boolean;
  isolated?: boolean;
}

export interface NetworkAddress {
  prefix: Prefix;
  /** Duplicate address detection isn't done yet. */
  tentative: boolean;
  /** Another host has the address. */
  duplicate: boolean;
}

export interface NetworkRoute {
  destination: Prefix;
  gateways: Address[];
  /** Metric; 0 for none. */
  priority: number;
  table: number;
}

/** The network of one namespace. An executor tells what the kernel refuses as a value, and throws a CniError where it can't work at all. */
export interface Network {
  /** Carries out operations in order, up to the first that fails. */
  apply(operations: NetworkOperation[]): Promise<OperationFailure | undefined>;
  /** The interface of that name; undefined where there is none. */
  link(name: string): Promise<NetworkLink | undefined>;
  /** The interface of that index: the other end of a veth, say. */
  linkAt(index: number): Promise<NetworkLink | undefined>;
  addresses(device: string): Promise<NetworkAddress[]>;
  /** The unicast routes of all tables by one interface. */
  routes(device: string): Promise<NetworkRoute[]>;
  /** The VLANs that a port of a bridge is a member of. */
  portVlans(port: string): Promise<number[]>;
  close(): void;
}
