import type { Prefix } from '@berth/sdk/cni/address';
import { formatPrefix, parsePrefix } from '@berth/sdk/cni/address';
import { nameOperation } from '@berth/sdk/cni/name-operation';
import type { NetworkOperation } from '@berth/sdk/cni/network';
import { describe, expect, it } from 'vitest';
import { readConfiguration } from './configuration.ts';
import { addressing, planGateways, planNetwork, routing } from './plan.ts';

const configuration = (keys: object = {}) =>
  readConfiguration({ config: { type: 'bridge', bridge: 'br0', ipam: { type: 'host-local' }, ...keys }, args: {} });
const named = (operations: NetworkOperation[]) => operations.map(nameOperation);
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

  it('tells the routes as IPAM gave them', () => {
    const routes = [{ dst: '::/0' }, { dst: '192.168.0.0/16', gw: '10.1.0.9' }];
    expect(planNetwork(configuration(), { ...dual, routes }).routes).toEqual(routes);
  });

  it('adds a default route of each family that has none', () => {
    const { routes } = planNetwork(configuration({ isDefaultGateway: true }), { ...dual, routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.9' }] });
    expect(routes).toEqual([
      { dst: '0.0.0.0/0', gw: '10.1.0.9' },
      { dst: '::/0', gw: 'fd00::1' },
    ]);
  });

  it('adds none beside one that is written otherwise', () => {
    const routes = [{ dst: '0::/0' }, { dst: '0.0.0.0/0' }];
    expect(planNetwork(configuration({ isDefaultGateway: true }), { ...dual, routes }).routes).toEqual(routes);
  });

  it('refuses an IPAM result without an address', () => {
    expect(() => planNetwork(configuration(), {})).toThrow('result of plugin host-local: has no ips');
    expect(() => planNetwork(configuration(), { ips: [{ address: '10.1.0.2' }] })).toThrow('has the address "10.1.0.2"');
  });

  it('refuses an MTU that IPv6 does without', () => {
    const message = 'mtu: is 1279, too small for the address fd00::2/64; make it at least 1280, or give out IPv4 addresses alone';
    expect(() => planNetwork(configuration({ mtu: 1279 }), dual)).toThrow(message);
    expect(planNetwork(configuration({ mtu: 1280 }), dual).ips).toHaveLength(2);
    expect(planNetwork(configuration({ mtu: 1279 }), v4).ips).toHaveLength(1);
  });

  it('is empty without IPAM', () => {
    expect(planNetwork(configuration({ ipam: {} }), {})).toEqual({ ips: [], routes: [], gateways: [] });
  });
});

describe('the addresses of the container', () => {
  it('are set before the interface is up, which announces them', () => {
    expect(named(addressing('eth0', planNetwork(configuration(), v4), configuration()))).toEqual([
      'set sysctl net/ipv4/conf/eth0/arp_notify=1',
      'set sysctl net/ipv6/conf/eth0/accept_dad=0',
      'add address 10.1.0.2/16 dev eth0',
      'set link eth0',
    ]);
  });

  it('of IPv6 turn it on, and outlast the interface being down', () => {
    expect(named(addressing('eth0', planNetwork(configuration(), dual), configuration()))).toEqual(
      expect.arrayContaining([
        'set sysctl net/ipv6/conf/lo/disable_ipv6=0',
        'set sysctl net/ipv6/conf/eth0/disable_ipv6=0',
        'set sysctl net/ipv6/conf/eth0/keep_addr_on_down=1',
      ]),
    );
  });

  it('are looked for elsewhere only with enabledad', () => {
    const detected = (keys: object) =>
      addressing('eth0', planNetwork(configuration(keys), dual), configuration(keys)).flatMap((operation) =>
        operation.do === 'add address' ? [operation.detectDuplicates] : [],
      );
    expect(detected({})).toEqual([false, false]);
    expect(detected({ enabledad: true })).toEqual([true, true]);
    const parameters = named(addressing('eth0', planNetwork(configuration(), dual), configuration({ enabledad: true })));
    expect(parameters).toContain('set sysctl net/ipv6/conf/eth0/accept_dad=1');
    expect(parameters).toContain('set sysctl net/ipv6/conf/eth0/enhanced_dad=1');
  });

  it('are none without IPAM: the interface is only brought up', () => {
    expect(named(addressing('eth0', { ips: [] }, configuration()))).toEqual(['set link eth0']);
  });
});

describe('the routes of the container', () => {
  const routed = (routes: object[]) => routing('eth0', planNetwork(configuration(), { ...dual, routes } as typeof dual));

  it('without a gateway of their own go by that of their family', () => {
    expect(named(routed([{ dst: '::/0' }, { dst: '0.0.0.0/0' }, { dst: '192.168.0.0/16', gw: '10.1.0.9' }]))).toEqual([
      'add route ::/0 via fd00::1 dev eth0',
      'add route 0.0.0.0/0 via 10.1.0.1 dev eth0',
      'add route 192.168.0.0/16 via 10.1.0.9 dev eth0',
    ]);
  });

  it('say all that a route can say', () => {
    const route = { dst: '0.0.0.0/0', mtu: 1300, advmss: 1260, priority: 50, table: 100, scope: 0 };
    expect(routed([route])).toMatchObject([{ mtu: 1300, advmss: 1260, priority: 50, table: 100, scope: 0 }]);
  });

  it('to one network are one by several gateways, each once', () => {
    const routes = ['10.1.0.1', '10.1.0.9', '10.1.0.1'].map((gw) => ({ dst: '10.9.0.0/16', gw }));
    expect(named(routed([...routes, { dst: '10.9.0.0/16', gw: '10.1.0.1', table: 100 }]))).toEqual([
      'add route 10.9.0.0/16 via 10.1.0.1 via 10.1.0.9 dev eth0',
      'add route 10.9.0.0/16 via 10.1.0.1 dev eth0',
    ]);
  });

  it.each([{ dst: 'everywhere' }, { dst: '10.9.0.0/16', gw: 'fd00::1' }])("refuse what IPAM can't mean: %j", (route) => {
    expect(() => routed([route])).toThrow(expect.objectContaining({ cniCode: 6 }));
  });
});

describe('the gateway addresses', () => {
  const planned = (keys: object, gateways: Prefix[], ...present: string[]) =>
    named(planGateways({ device: 'br0', forceAddress: false, ...keys }, gateways, prefixes(...present)));

  it('are set where they are missing, and only there', () => {
    const gateways = prefixes('10.1.0.1/16', 'fd00::1/64');
    expect(planned({}, gateways, '10.1.0.1/16', 'fe80::1/64')).toEqual(['add address fd00::1/64 dev br0']);
    expect(planned({}, gateways, '10.1.0.1/16', 'fd00::1/64')).toEqual([]);
  });

  it('replace another one only with forceAddress', () => {
    const gateways = prefixes('10.1.0.1/16');
    expect(() => planned({}, gateways, '10.2.0.1/16')).toThrow(
      'bridge br0: has the address 10.2.0.1/16, not 10.1.0.1/16; remove that address, or set forceAddress',
    );
    expect(planned({ forceAddress: true }, gateways, '10.2.0.1/16')).toEqual([
      'delete address 10.2.0.1/16 dev br0',
      'add address 10.1.0.1/16 dev br0',
    ]);
  });

  it('of several range sets stand beside each other', () => {
    expect(planned({}, prefixes('10.1.0.1/16', '10.2.0.1/16'), '10.1.0.1/16')).toEqual(['add address 10.2.0.1/16 dev br0']);
  });

  it('of IPv6 stand beside those of other networks', () => {
    expect(planned({}, prefixes('fd00::1/64'), 'fd01::1/64')).toContain('add address fd00::1/64 dev br0');
    expect(() => planned({}, prefixes('fd00::1/64'), 'fd00::9/48')).toThrow('forceAddress');
  });
});
