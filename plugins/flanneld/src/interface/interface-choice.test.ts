import { formatAddress } from '@berth/sdk/cni/address';
import { describe, expect, it } from 'vitest';
import type { ShownLink, ShownRoute } from '../kernel/shown.ts';
import { entriesOf, type Family } from '../per-family.ts';
import { chooseInterface } from './interface-choice.ts';

function link(ifname: string, ...addresses: [local: string, scope?: string][]): ShownLink {
  return {
    ifname,
    mtu: 1500,
    addr_info: addresses.map(([local, scope = 'global']) => ({
      family: local.includes(':') ? 'inet6' : 'inet',
      local,
      prefixlen: 24,
      scope,
    })),
  };
}

const links = [
  link('lo', ['127.0.0.1', 'host']),
  link('eth0', ['169.254.0.1', 'link'], ['10.0.0.1'], ['10.0.0.2'], ['fe80::1', 'link'], ['fd00::1']),
  link('eth1', ['192.168.0.1']),
];
const defaultIpv4: ShownRoute = { dst: 'default', gateway: '192.168.0.254', dev: 'eth1' };
const defaultIpv6: ShownRoute = { dst: 'default', gateway: 'fe80::9', dev: 'eth0', pref: 'medium' };
interface Wishes {
  iface: string[];
  'iface-regex': string[];
}

const none: Wishes = { iface: [], 'iface-regex': [] };

function choose(wishes: Partial<Wishes>, families: Family[] = [4], routes = [defaultIpv4, defaultIpv6], reach?: ShownRoute) {
  const { name, addresses } = chooseInterface({ links, routes, reach }, { ...none, ...wishes }, families);
  return [name, ...entriesOf(addresses).map(([, address]) => formatAddress(address))].join(' ');
}

describe('the interface to the other hosts', () => {
  it.each<[string, Parameters<typeof choose>, string]>([
    ['is that of the default route', [{}], 'eth1 192.168.0.1'],
    ['is that of the IPv6 default route', [{}, [6]], 'eth0 fd00::1'],
    ['is the one that is named, with its first global address', [{ iface: ['eth0'] }], 'eth0 10.0.0.1'],
    ['is the one that has the address, with that address', [{ iface: ['10.0.0.2'] }], 'eth0 10.0.0.2'],
    ['has an address of each family', [{ iface: ['eth0'] }, [4, 6]], 'eth0 10.0.0.1 fd00::1'],
    ['is the first that is there', [{ iface: ['eth9', 'eth1'] }], 'eth1 192.168.0.1'],
    ['matches by its addresses', [{ 'iface-regex': ['^10\\.0\\.0\\.2$'] }], 'eth0 10.0.0.2'],
    ['matches by its name', [{ 'iface-regex': ['^et.*1$'] }], 'eth1 192.168.0.1'],
    ['is looked for by names before patterns', [{ 'iface-regex': ['eth0'], iface: ['eth1'] }], 'eth1 192.168.0.1'],
    ['is that of the route to an address', [{}, [4], [], { dst: '10.0.0.9', dev: 'eth0', prefsrc: '10.0.0.2' }], 'eth0 10.0.0.2'],
  ])('%s', (_, parameters, expected) => {
    expect(choose(...parameters)).toBe(expected);
  });

  it.each<[string, Parameters<typeof choose>, string]>([
    [
      'without a default route',
      [{}, [4], [defaultIpv6]],
      'default IPv4 route: there is none, so the interface to the other hosts is not known; name it by -iface, one of lo, eth0, eth1',
    ],
    ['with default routes that part', [{}, [4, 6]], 'default routes: IPv4 takes eth1 and IPv6 eth0; name one interface for both by -iface'],
    ['with no such interface', [{ iface: ['eth9'] }], 'no interface matches eth9; there are lo, eth0, eth1'],
    ['without an address of the family', [{ iface: ['eth1'] }, [6]], 'interface eth1: has no IPv6 address'],
    ['with a pattern that is none', [{ 'iface-regex': ['('] }], 'flag -iface-regex=('],
  ])('is refused %s', (_, parameters, message) => {
    expect(() => choose(...parameters)).toThrow(message);
  });
});
