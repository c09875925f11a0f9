import type { Prefix } from '@berth/sdk/cni/address';
import { formatPrefix, parsePrefix } from '@berth/sdk/cni/address';
import type { Link } from '@berth/sdk/cni/ip-batch';
import { describe, expect, it } from 'vitest';
import { readConfiguration } from './configuration.ts';
import { attach, configure, createBridge, ensureGateways, planNetwork } from './plan.ts';

const configuration = (keys: object = {}) =>
  readConfiguration({ config: { type: 'bridge', bridge: 'br0', ipam: { type: 'host-local' }, ...keys }, args: {} });
const text = (commands: (readonly string[])[]) => commands.map((command) => command.join(' '));
const prefixes = (...given: string[]) => given.map((prefix) => parsePrefix(prefix) as Prefix);
const v4 = { ips: [{ address: '10.1.0.2/16' }] };
const dual = {
  ips: [
    { address: '10.1.0.2/16', gateway: '10.1.0.1' },
    { address: 'fd00::2/64', gateway: 'fd00::1' },
  ],
};

describe('the plan of the network', () => {
  it('takes the first address as gateway where IPAM names none', () => {
    const { ips, gateways } = planNetwork(configuration({ isGateway: true }), v4);
    expect(ips[0]?.gateway).toBe('10.1.0.1');
    expect(gateways.map(formatPrefix)).toEqual(['10.1.0.1/16']);
  });

  it('has no gateway unless it is one', () => {
    expect(planNetwork(configuration(), v4)).toMatchObject({ ips: [{ address: '10.1.0.2/16' }], gateways: [], routes: [] });
  });

  it('sends a route without a gateway by that of its family', () => {
    const routes = [{ dst: '::/0' }, { dst: '0.0.0.0/0' }, { dst: '192.168.0.0/16', gw: '10.1.0.9' }];
    expect(planNetwork(configuration(), { ...dual, routes }).routes.map(({ gw }) => gw)).toEqual(['fd00::1', '10.1.0.1', '10.1.0.9']);
  });

  it('adds a default route of each family that has none', () => {
    const { routes } = planNetwork(configuration({ isDefaultGateway: true }), { ...dual, routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.9' }] });
    expect(routes).toEqual([
      { dst: '0.0.0.0/0', gw: '10.1.0.9' },
      { dst: '::/0', gw: 'fd00::1' },
    ]);
  });

  it('refuses an IPAM result without an address', () => {
    expect(() => planNetwork(configuration(), {})).toThrow('result of plugin host-local: has no ips');
    expect(() => planNetwork(configuration(), { ips: [{ address: '10.1.0.2' }] })).toThrow('has the address "10.1.0.2"');
  });

  it('is empty without IPAM', () => {
    expect(planNetwork(configuration({ ipam: {} }), {})).toEqual({ ips: [], routes: [], gateways: [] });
  });
});

describe('the commands', () => {
  it('make the bridge with an address that stays', () => {
    expect(text(createBridge(configuration({ mtu: 1400 }), '02:00:00:00:00:01'))).toEqual([
      'link add name br0 address 02:00:00:00:00:01 mtu 1400 up type bridge',
    ]);
  });

  it('make the pair with one end in the namespace', () => {
    expect(text(attach(configuration(), 'veth1', 'eth0', '/run/netns/a'))).toEqual([
      'address show dev br0',
      'link add name veth1 master br0 up type veth peer name eth0 netns /run/netns/a',
      'link show dev veth1',
    ]);
  });

  it('carry mtu, hardware address, hairpin mode and promiscuous mode', () => {
    const commands = text(
      attach(configuration({ mtu: 1400, hairpinMode: true, runtimeConfig: { mac: '02:00:00:00:00:09' } }), 'veth1', 'eth0', '/n'),
    );
    expect(commands[1]).toBe(
      'link add name veth1 mtu 1400 master br0 up type veth peer name eth0 mtu 1400 address 02:00:00:00:00:09 netns /n',
    );
    expect(commands[2]).toBe('link set dev veth1 type bridge_slave hairpin on');
    expect(text(attach(configuration({ promiscMode: true }), 'veth1', 'eth0', '/n'))).toContain('link set dev br0 promisc on');
  });

  it('configure the interface, with all that a route can say', () => {
    const routes = [{ dst: '0.0.0.0/0', mtu: 1300, advmss: 1260, priority: 50, table: 100 }];
    expect(text(configure('eth0', planNetwork(configuration(), { ...dual, routes })))).toEqual([
      'address replace 10.1.0.2/16 broadcast + dev eth0',
      'address replace fd00::2/64 nodad dev eth0',
      'link set dev eth0 up',
      'route add 0.0.0.0/0 via 10.1.0.1 dev eth0 mtu 1300 advmss 1260 metric 50 table 100',
      'link show dev eth0',
    ]);
  });
});

describe('the gateway addresses', () => {
  const link = (...addresses: string[]): Link => ({
    ifname: 'br0',
    addr_info: addresses.map((address) => {
      const [local = '', length] = address.split('/');
      return { family: local.includes(':') ? 'inet6' : 'inet', local, prefixlen: Number(length) };
    }),
  });

  it('are set where they are missing, and only there', () => {
    const gateways = prefixes('10.1.0.1/16', 'fd00::1/64');
    expect(text(ensureGateways(configuration(), gateways, link('10.1.0.1/16', 'fe80::1/64')))).toEqual([
      'address replace fd00::1/64 nodad dev br0',
    ]);
  });

  it('replace another one only with forceAddress', () => {
    const gateways = prefixes('10.1.0.1/16');
    expect(() => ensureGateways(configuration(), gateways, link('10.2.0.1/16'))).toThrow(
      'bridge br0: has the address 10.2.0.1/16, not 10.1.0.1/16; remove that address, or set forceAddress',
    );
    expect(text(ensureGateways(configuration({ forceAddress: true }), gateways, link('10.2.0.1/16')))).toEqual([
      'address delete 10.2.0.1/16 dev br0',
      'address replace 10.1.0.1/16 broadcast + dev br0',
    ]);
  });

  it('of several range sets stand beside each other', () => {
    const gateways = prefixes('10.1.0.1/16', '10.2.0.1/16');
    expect(text(ensureGateways(configuration(), gateways, link('10.1.0.1/16')))).toEqual([
      'address replace 10.2.0.1/16 broadcast + dev br0',
    ]);
  });

  it('of IPv6 stand beside those of other networks', () => {
    expect(text(ensureGateways(configuration(), prefixes('fd00::1/64'), link('fd01::1/64')))).toEqual([
      'address replace fd00::1/64 nodad dev br0',
    ]);
    expect(() => ensureGateways(configuration(), prefixes('fd00::1/64'), link('fd00::9/48'))).toThrow('forceAddress');
  });
});
