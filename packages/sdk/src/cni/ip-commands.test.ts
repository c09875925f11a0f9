import { describe, expect, it } from 'vitest';
import type { Address, Prefix } from './address.ts';
import { parseAddress, parsePrefix } from './address.ts';
import { operationCommand } from './ip-commands.ts';
import type { NetworkOperation } from './network.ts';

const prefix = (text: string) => parsePrefix(text) as Prefix;
const address = (text: string) => parseAddress(text) as Address;

describe('the command of an operation', () => {
  const cases: [NetworkOperation, string][] = [
    [
      { do: 'add bridge', name: 'br0', mac: '02:00:00:00:00:01', mtu: 1400, vlanFiltering: true },
      'ip link add name br0 address 02:00:00:00:00:01 mtu 1400 up type bridge vlan_filtering 1',
    ],
    [
      { do: 'add veth', name: 'v0', mtu: 1400, bridge: 'br0', peer: { name: 'eth0', mac: '02:00:00:00:00:02', netns: '/n' } },
      'ip link add name v0 mtu 1400 master br0 up type veth peer name eth0 address 02:00:00:00:00:02 mtu 1400 netns /n',
    ],
    [
      { do: 'set link', name: 'v0', up: true, mac: '02:00:00:00:00:02', promiscuous: true },
      'ip link set dev v0 address 02:00:00:00:00:02 promisc on up',
    ],
    [{ do: 'set link', name: 'v0', up: false }, 'ip link set dev v0 down'],
    [{ do: 'set bridge port', name: 'v0', hairpin: true, isolated: true }, 'ip link set dev v0 type bridge_slave hairpin on isolated on'],
    [{ do: 'delete link', name: 'v0' }, 'ip link delete dev v0'],
    [{ do: 'add port vlan', port: 'v0', vlan: 5, untagged: true }, 'bridge vlan add dev v0 vid 5 pvid untagged master'],
    [{ do: 'add port vlan', port: 'v0', vlan: 5, untagged: false }, 'bridge vlan add dev v0 vid 5 master'],
    [{ do: 'delete port vlan', port: 'v0', vlan: 1 }, 'bridge vlan delete dev v0 vid 1 master'],
    [
      { do: 'add address', device: 'eth0', prefix: prefix('10.1.0.2/16'), detectDuplicates: false },
      'ip address replace 10.1.0.2/16 broadcast + dev eth0',
    ],
    [
      { do: 'add address', device: 'eth0', prefix: prefix('fd00::2/64'), detectDuplicates: false },
      'ip address replace fd00::2/64 nodad dev eth0',
    ],
    [{ do: 'add address', device: 'eth0', prefix: prefix('fd00::2/64'), detectDuplicates: true }, 'ip address replace fd00::2/64 dev eth0'],
    [{ do: 'delete address', device: 'br0', prefix: prefix('10.1.0.1/16') }, 'ip address delete 10.1.0.1/16 dev br0'],
    [
      {
        do: 'add route',
        device: 'eth0',
        destination: prefix('10.9.8.7/16'),
        gateways: [address('10.1.0.1')],
        mtu: 1400,
        advmss: 1360,
        priority: 50,
        table: 100,
        scope: 0,
      },
      'ip route prepend 10.9.0.0/16 via 10.1.0.1 dev eth0 mtu 1400 advmss 1360 metric 50 table 100 scope 0',
    ],
    [
      { do: 'add route', device: 'eth0', destination: prefix('::/0'), gateways: [address('fd00::1'), address('fd00::9')] },
      'ip route prepend ::/0 nexthop via fd00::1 dev eth0 nexthop via fd00::9 dev eth0',
    ],
    [{ do: 'set sysctl', key: 'net/ipv4/conf/eth0/arp_notify', value: '1' }, 'sysctl net/ipv4/conf/eth0/arp_notify=1'],
  ];

  it.each(cases.map(([operation, written]) => ({ operation, written })))('$written', ({ operation, written }) => {
    const { program, command } = operationCommand(operation);
    expect([program, ...command].join(' ')).toBe(written);
  });
});
