import { describe, expect, it } from 'vitest';
import { readConfiguration } from './configuration.ts';
import { createBridge, createPort, createVlanGateway, joinVlans } from './ports.ts';

const configuration = (keys: object = {}) => readConfiguration({ config: { type: 'bridge', bridge: 'br0', ...keys }, args: {} });

describe('the bridge', () => {
  it('is made with a hardware address that stays, and listens to no router', () => {
    expect(createBridge(configuration({ mtu: 1400 }), '02:00:00:00:00:01')).toEqual([
      { do: 'add bridge', name: 'br0', mac: '02:00:00:00:00:01', mtu: 1400 },
      { do: 'set sysctl', key: 'net/ipv6/conf/br0/accept_ra', value: '0' },
    ]);
  });

  it.each([{ vlan: 5 }, { vlanTrunk: [{ id: 5 }] }])('keeps VLANs apart where there are any: %j', (keys) => {
    expect(createBridge(configuration(keys), '02:00:00:00:00:01')[0]).toMatchObject({ vlanFiltering: true });
  });
});

describe('a port', () => {
  it('is made with the other end in the namespace', () => {
    expect(createPort(configuration(), 'veth1', 'eth0', '/run/netns/a')).toEqual([
      { do: 'add veth', name: 'veth1', bridge: 'br0', peer: { name: 'eth0', netns: '/run/netns/a' } },
      { do: 'set sysctl', key: 'net/ipv6/conf/veth1/accept_ra', value: '0' },
    ]);
  });

  it('has the MTU, the hardware address, hairpin mode and isolation that are asked for', () => {
    const keys = { mtu: 1400, hairpinMode: true, portIsolation: true, runtimeConfig: { mac: '02:00:00:00:00:09' } };
    expect(createPort(configuration(keys), 'veth1', 'eth0', '/n')).toMatchObject([
      { do: 'add veth', mtu: 1400, peer: { mac: '02:00:00:00:00:09' } },
      { do: 'set sysctl' },
      { do: 'set bridge port', name: 'veth1', hairpin: true, isolated: true },
    ]);
  });
});

describe('VLANs (this kernel may have none: the plan is what is tested)', () => {
  it('give a port one VLAN for frames without a tag', () => {
    expect(joinVlans(configuration({ vlan: 5 }), 'veth1', [1])).toEqual([{ do: 'add port vlan', port: 'veth1', vlan: 5, untagged: true }]);
  });

  it('give a trunk each of its VLANs with tags', () => {
    expect(joinVlans(configuration({ vlanTrunk: [{ minID: 5, maxID: 6 }] }), 'veth1', [1])).toEqual([
      { do: 'add port vlan', port: 'veth1', vlan: 5, untagged: false },
      { do: 'add port vlan', port: 'veth1', vlan: 6, untagged: false },
    ]);
  });

  it("take the port out of the bridge's own VLANs where they aren't preserved", () => {
    expect(joinVlans(configuration({ vlan: 5, preserveDefaultVlan: false }), 'veth1', [1, 9]).slice(0, 2)).toEqual([
      { do: 'delete port vlan', port: 'veth1', vlan: 1 },
      { do: 'delete port vlan', port: 'veth1', vlan: 9 },
    ]);
  });

  it('have their gateway on an interface of the host that is a port like a container', () => {
    expect(createVlanGateway(configuration({ vlan: 5 }), 'veth1', 'br0.5')[0]).toEqual({
      do: 'add veth',
      name: 'veth1',
      bridge: 'br0',
      peer: { name: 'br0.5' },
    });
  });
});
