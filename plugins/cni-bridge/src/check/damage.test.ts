import type { Prefix } from '@berth/sdk/cni/address';
import { parseAddress, parsePrefix } from '@berth/sdk/cni/address';
import type { NetworkLink } from '@berth/sdk/cni/network';
import { describe, expect, it } from 'vitest';
import { readConfiguration } from '../configuration.ts';
import { findDamage } from './damage.ts';
import { readExpected } from './expected.ts';
import type { Observed } from './observed.ts';

const netns = '/run/netns/pod';
const configuration = (keys: object = {}) =>
  readConfiguration({ config: { type: 'bridge', bridge: 'br0', isGateway: true, ...keys }, args: {} });
const prevResult = {
  interfaces: [
    { name: 'br0', mac: '02:00:00:00:00:01' },
    { name: 'veth1', mac: '02:00:00:00:00:02' },
    { name: 'eth0', mac: '02:00:00:00:00:03', mtu: 1400, sandbox: netns },
  ],
  ips: [{ address: '10.1.0.2/16', gateway: '10.1.0.1', interface: 2 }],
  routes: [{ dst: '0.0.0.0/0' }, { dst: '10.9.0.0/16', gw: '10.1.0.9', table: 100, priority: 5 }],
};
const link = (name: string, index: number, more: Partial<NetworkLink>): NetworkLink => ({
  name,
  index,
  mac: '',
  mtu: 1400,
  kind: 'veth',
  up: true,
  operational: true,
  promiscuous: false,
  ...more,
});
const prefix = (text: string) => parsePrefix(text) as Prefix;
const address = (text: string) => ({ prefix: prefix(text), tentative: false, duplicate: false });
const gateways = (...given: string[]) => given.flatMap((text) => parseAddress(text) ?? []);
const bridge = link('br0', 3, { kind: 'bridge', mac: '02:00:00:00:00:01', vlanFiltering: true });
const port = link('veth1', 4, { mac: '02:00:00:00:00:02', masterIndex: 3, peerIndex: 2 });
const container = link('eth0', 2, { mac: '02:00:00:00:00:03', peerIndex: 4 });
const whole: Observed = {
  bridge,
  container,
  port,
  addresses: [address('10.1.0.2/16')],
  routes: [
    { destination: prefix('0.0.0.0/0'), gateways: gateways('10.1.0.1'), priority: 0, table: 254 },
    { destination: prefix('10.9.0.0/16'), gateways: gateways('10.1.0.9'), priority: 5, table: 100 },
  ],
  gatewayAddresses: [address('10.1.0.1/16')],
  portVlans: [5],
  gatewayVlans: [5],
};
const damage = (keys: object, change: Partial<Observed>) => {
  const read = configuration(keys);
  const found = findDamage(read, readExpected({ prevResult, netns, ifName: 'eth0' }, read), { ...whole, ...change });
  return found && `${found.object}: ${found.what}`;
};

describe('the damage that CHECK finds', () => {
  it('is none where all is as ADD made it', () => {
    expect(damage({}, {})).toBeUndefined();
    expect(damage({ vlan: 5 }, {})).toBeUndefined();
    expect(damage({ vlan: 5 }, { gatewayVlans: undefined })).toBeUndefined();
  });

  it.each<[string, Partial<Observed>, object?]>([
    ['bridge br0: is gone', { bridge: undefined }],
    ['bridge br0: is no bridge but of the kind dummy', { bridge: { ...bridge, kind: 'dummy' } }],
    ['bridge br0: is down', { bridge: { ...bridge, up: false } }],
    ['bridge br0: has the hardware address 02:00:00:00:00:09, not 02:00:00:00:00:01', { bridge: { ...bridge, mac: '02:00:00:00:00:09' } }],
    ['bridge br0: is not promiscuous any more', {}, { promiscMode: true }],
    ['bridge br0: keeps VLANs no longer apart', { bridge: { ...bridge, vlanFiltering: false } }, { vlan: 5 }],
    ['bridge br0: has lost its address 10.1.0.1/16', { gatewayAddresses: [] }],
    ['gateway br0.5: is no member of VLAN 5 any more', { gatewayVlans: [1] }, { vlan: 5 }],
    [`interface eth0 in ${netns}: is gone`, { container: undefined }],
    [`interface eth0 in ${netns}: is down`, { container: { ...container, up: false } }],
    [`interface eth0 in ${netns}: has the hardware address`, { container: { ...container, mac: '02:00:00:00:00:09' } }],
    [`interface eth0 in ${netns}: has the MTU 1500, not 1400`, { container: { ...container, mtu: 1500 } }],
    ['bridge port veth1: is gone', { port: undefined }],
    ["bridge port veth1: doesn't lead to the interface eth0", { port: { ...port, peerIndex: 77 } }],
    ['bridge port veth1: is no port of the bridge br0 any more', { port: { ...port, masterIndex: 77 } }],
    ['bridge port veth1: is down', { port: { ...port, up: false } }],
    ['bridge port veth1: has lost its hairpin mode', { port: { ...port, hairpin: false } }, { hairpinMode: true }],
    ['bridge port veth1: is isolated no longer', { port: { ...port, isolated: false } }, { portIsolation: true }],
    ['bridge port veth1: is no member of VLAN 6, 7 any more', {}, { vlanTrunk: [{ minID: 5, maxID: 7 }] }],
    [`interface eth0 in ${netns}: has lost its address 10.1.0.2/16`, { addresses: [address('10.1.0.3/16')] }],
    [`interface eth0 in ${netns}: has lost its route to 0.0.0.0/0`, { routes: whole.routes.slice(1) }],
    [
      `interface eth0 in ${netns}: has lost its route to 10.9.0.0/16 via 10.1.0.9`,
      { routes: whole.routes.map((route) => ({ ...route, table: 254 })) },
    ],
  ])('is named: %s', (message, change, keys = {}) => {
    expect(damage(keys, change)).toContain(message);
  });
});

describe('prevResult', () => {
  it.each([
    [undefined, 'prevResult: is missing'],
    [{}, `prevResult.interfaces: has no eth0 in ${netns}`],
    [{ interfaces: prevResult.interfaces.slice(1) }, 'prevResult.interfaces: has no br0 of the host'],
    [{ interfaces: prevResult.interfaces.filter(({ name }) => name !== 'veth1') }, 'prevResult.interfaces: has no port of the bridge'],
  ])('is refused with code 7 where it is not that of an ADD: %j', (given, message) => {
    const asked = { netns, ifName: 'eth0', ...(given ? { prevResult: given } : {}) };
    expect(() => readExpected(asked, configuration())).toThrow(
      expect.objectContaining({ cniCode: 7, message: expect.stringContaining(message) }),
    );
  });
});
