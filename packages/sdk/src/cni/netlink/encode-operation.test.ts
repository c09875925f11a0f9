import { describe, expect, it } from 'vitest';
import type { Address, Prefix } from '../address.ts';
import { parseAddress, parsePrefix } from '../address.ts';
import type { NetworkOperation, SetSysctl } from '../network.ts';
import { encodeOperation } from './encode-operation.ts';
import { encodeMessage } from './message.ts';

const numbers = { indexOf: (name: string) => ({ br0: 3, eth0: 0x0102 })[name] ?? 9, namespaceDescriptor: () => 7 };
const prefix = (text: string) => parsePrefix(text) as Prefix;
const address = (text: string) => parseAddress(text) as Address;

/** The message's bytes in groups of four, as rtnetlink(7) aligns all of it. */
function bytesOf(operation: Exclude<NetworkOperation, SetSysctl>): string[] {
  const bytes = encodeMessage({ ...encodeOperation(operation, numbers), sequence: 5 });
  return (
    Buffer.from(bytes)
      .toString('hex')
      .match(/.{1,8}/g) ?? []
  );
}

// Written by hand from the layouts in rtnetlink(7) and the kernel's headers.
describe('the message of an operation', () => {
  it('makes a bridge with a hardware address, up', () => {
    expect(bytesOf({ do: 'add bridge', name: 'br0', mac: '02:00:00:00:00:01', mtu: 1400 })).toEqual([
      ...['4c000000', '10000506', '05000000', '00000000'], // RTM_NEWLINK; REQUEST, ACK, EXCL, CREATE
      ...['00000000', '00000000', '01000000', '01000000'], // IFF_UP, and no other flag changes
      ...['08000300', '62723000'], // IFLA_IFNAME br0
      ...['08000400', '78050000'], // IFLA_MTU 1400
      ...['0a000100', '02000000', '00010000'], // IFLA_ADDRESS
      ...['10001200', '0b000100', '62726964', '67650000'], // IFLA_LINKINFO: IFLA_INFO_KIND bridge
    ]);
  });

  it('asks a bridge to keep VLANs apart', () => {
    expect(bytesOf({ do: 'add bridge', name: 'br0', mac: '02:00:00:00:00:01', vlanFiltering: true }).slice(-7)).toEqual([
      ...['1c001200', '0b000100', '62726964', '67650000'], // IFLA_LINKINFO: IFLA_INFO_KIND bridge
      ...['0c000200', '05000700', '01000000'], // IFLA_INFO_DATA: IFLA_BR_VLAN_FILTERING
    ]);
  });

  it('makes a pair, one end a port, the other in a namespace', () => {
    expect(bytesOf({ do: 'add veth', name: 'v0', bridge: 'br0', peer: { name: 'eth0', netns: '/n' } })).toEqual([
      ...['6c000000', '10000506', '05000000', '00000000'],
      ...['00000000', '00000000', '01000000', '01000000'],
      ...['07000300', '76300000'], // IFLA_IFNAME v0
      ...['08000a00', '03000000'], // IFLA_MASTER, index 3
      ...['3c001200', '09000100', '76657468', '00000000'], // IFLA_LINKINFO: IFLA_INFO_KIND veth
      ...['2c000200', '28000100'], // IFLA_INFO_DATA: VETH_INFO_PEER
      ...['00000000', '00000000', '00000000', '00000000'], // struct ifinfomsg
      ...['09000300', '65746830', '00000000'], // IFLA_IFNAME eth0
      ...['08001c00', '07000000'], // IFLA_NET_NS_FD
    ]);
  });

  it('sets hairpin mode and isolation of a port', () => {
    expect(bytesOf({ do: 'set bridge port', name: 'v0', hairpin: true, isolated: true }).slice(6)).toEqual([
      ...['00000000', '00000000', '07000300', '76300000'],
      ...['24001200', '0b000400', '62726964', '67650000'], // IFLA_LINKINFO: IFLA_INFO_SLAVE_KIND bridge
      ...['14000500', '05000400', '01000000', '05002100', '01000000'], // IFLA_INFO_SLAVE_DATA: BRPORT_MODE, BRPORT_ISOLATED
    ]);
  });

  it('changes the flags that it is told, and no other', () => {
    expect(bytesOf({ do: 'set link', name: 'v0', promiscuous: true }).slice(4, 8)).toEqual([
      '00000000',
      '00000000',
      '00010000',
      '00010000',
    ]);
    expect(bytesOf({ do: 'set link', name: 'v0', up: false }).slice(4, 8)).toEqual(['00000000', '00000000', '00000000', '01000000']);
  });

  it('puts a port into a VLAN of frames without a tag', () => {
    expect(bytesOf({ do: 'add port vlan', port: 'eth0', vlan: 0x123, untagged: true })).toEqual([
      ...['34000000', '13000500', '05000000', '00000000'], // RTM_SETLINK; REQUEST, ACK
      ...['07000000', '02010000', '00000000', '00000000'], // AF_BRIDGE, index
      ...['14001a00', '06000000', '01000000'], // IFLA_AF_SPEC: IFLA_BRIDGE_FLAGS master
      ...['08000200', '06002301'], // IFLA_BRIDGE_VLAN_INFO: PVID and UNTAGGED, id
    ]);
    expect(bytesOf({ do: 'add port vlan', port: 'eth0', vlan: 5, untagged: false }).at(-1)).toBe('00000500');
    expect(bytesOf({ do: 'delete port vlan', port: 'eth0', vlan: 1 })[1]).toBe('11000500'); // RTM_DELLINK
  });

  it('adds an IPv4 address with its broadcast address', () => {
    expect(bytesOf({ do: 'add address', device: 'eth0', prefix: prefix('10.1.0.2/16'), detectDuplicates: false })).toEqual([
      ...['30000000', '14000505', '05000000', '00000000'], // RTM_NEWADDR; REQUEST, ACK, REPLACE, CREATE
      ...['02100000', '02010000'], // AF_INET, /16, index
      ...['08000200', '0a010002', '08000100', '0a010002', '08000400', '0a01ffff'], // IFA_LOCAL, IFA_ADDRESS, IFA_BROADCAST
    ]);
  });

  it('lets the kernel look for duplicates of an IPv6 address only where it is told', () => {
    const operation = { do: 'add address', device: 'eth0', prefix: prefix('fd00::2/64') } as const;
    expect(bytesOf({ ...operation, detectDuplicates: false }).slice(-2)).toEqual(['08000800', '02000000']); // IFA_FLAGS: IFA_F_NODAD
    expect(bytesOf({ ...operation, detectDuplicates: true })).toHaveLength(16);
  });

  it('adds a route with all that it can say', () => {
    const operation = { do: 'add route', device: 'eth0', destination: prefix('10.9.8.7/16'), gateways: [address('10.1.0.1')] } as const;
    expect(
      bytesOf({ ...operation, gateways: [...operation.gateways], mtu: 1400, advmss: 1360, priority: 50, table: 1000, scope: 0 }),
    ).toEqual([
      ...['58000000', '18000504', '05000000', '00000000'], // RTM_NEWROUTE; REQUEST, ACK, CREATE
      ...['02100000', '00030001', '00000000'], // AF_INET, /16, a table above 255, RTPROT_BOOT, scope global, unicast
      ...['08000100', '0a090000'], // RTA_DST
      ...['08000500', '0a010001', '08000400', '02010000'], // RTA_GATEWAY, RTA_OIF
      ...['14000800', '08000200', '78050000', '08000800', '50050000'], // RTA_METRICS: MTU, ADVMSS
      ...['08000600', '32000000', '08000f00', 'e8030000'], // RTA_PRIORITY, RTA_TABLE
    ]);
  });

  it('adds a route by several gateways at once, and one by none on the link itself', () => {
    const several = bytesOf({
      do: 'add route',
      device: 'eth0',
      destination: prefix('0.0.0.0/0'),
      gateways: [address('10.1.0.1'), address('10.1.0.9')],
    });
    expect(several.slice(7)).toEqual([
      '24000900', // RTA_MULTIPATH
      ...['10000000', '02010000', '08000500', '0a010001'],
      ...['10000000', '02010000', '08000500', '0a010009'],
    ]);
    const direct = bytesOf({ do: 'add route', device: 'eth0', destination: prefix('169.254.1.1/32'), gateways: [] });
    expect(direct.slice(4, 7)).toEqual(['02200000', 'fe03fd01', '00000000']); // scope link
  });
});
