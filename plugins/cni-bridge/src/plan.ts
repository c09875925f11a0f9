import type { Prefix } from '@berth/sdk/cni/address';
import { contains, formatAddress, formatPrefix, networkOf, parseAddress, parsePrefix, plus } from '@berth/sdk/cni/address';
import type { IpCommand, Link } from '@berth/sdk/cni/ip-batch';
import type { IpConfig, Result, Route } from '@berth/sdk/cni/types';
import { CniError, errorCodes } from '@berth/sdk/cni/types';
import type { Configuration } from './configuration.ts';

/** What an ADD makes, decided before anything is done. */
export interface NetworkPlan {
  ips: PlannedIp[];
  routes: Route[];
  /** The bridge's own addresses: the containers' gateways. */
  gateways: Prefix[];
}

export interface PlannedIp extends IpConfig {
  prefix: Prefix;
}

/** Plans the addresses and routes of a container from what the IPAM plugin gave. */
export function planNetwork({ isGateway, isDefaultGateway, ipam }: Configuration, given: Result): NetworkPlan {
  const ips = (given.ips ?? []).map((ip) => planIp(ip, isGateway));
  if (ipam !== undefined && ips.length === 0) throw badResult(ipam, 'has no ips');
  const routes = (given.routes ?? []).map((route) => withGateway(route, ips));
  const defaults = isDefaultGateway ? missingDefaults(ips, routes) : [];
  const gateways = isGateway ? distinct(ips.flatMap(gatewayOf)) : [];
  return { ips, routes: [...routes, ...defaults], gateways };
}

function planIp(ip: IpConfig, isGateway: boolean): PlannedIp {
  const prefix = parsePrefix(ip.address);
  if (!prefix) throw badResult('of IPAM', `has the address ${JSON.stringify(ip.address)}`);
  const first = formatAddress(plus(networkOf(prefix).address, 1n));
  const gateway = ip.gateway ?? (isGateway ? first : undefined);
  return { prefix, address: formatPrefix(prefix), ...(gateway ? { gateway } : {}) };
}

/** A route without a gateway of its own goes by that of the first address of its family. */
function withGateway(route: Route, ips: PlannedIp[]): Route {
  const family = parsePrefix(route.dst)?.address.family;
  const gw = route.gw ?? ips.find(({ prefix }) => prefix.address.family === family)?.gateway;
  return { ...route, ...(gw ? { gw } : {}) };
}

const anywhere = { 4: '0.0.0.0/0', 6: '::/0' } as const;

function missingDefaults(ips: PlannedIp[], routes: Route[]): Route[] {
  const families = [4, 6] as const;
  return families.flatMap((family) => {
    const ip = ips.find(({ prefix }) => prefix.address.family === family);
    if (!ip?.gateway || routes.some(({ dst }) => dst === anywhere[family])) return [];
    return [{ dst: anywhere[family], gw: ip.gateway }];
  });
}

function gatewayOf({ gateway, prefix }: PlannedIp): Prefix[] {
  const address = parseAddress(gateway);
  return address ? [{ address, length: prefix.length }] : [];
}

function distinct(prefixes: Prefix[]): Prefix[] {
  return [...new Map(prefixes.map((prefix) => [formatPrefix(prefix), prefix])).values()];
}

/** Makes the bridge. Its hardware address is set, since the kernel would change it with every port that comes and goes. */
export function createBridge({ bridge, mtu }: Configuration, mac: string): IpCommand[] {
  return [['link', 'add', 'name', bridge, 'address', mac, ...withMtu(mtu), 'up', 'type', 'bridge']];
}

/** Shows the bridge and makes the pair of interfaces, one end a port of the bridge, the other in the container's namespace. */
export function attach(
  { bridge, mtu, hairpinMode, promiscMode, mac }: Configuration,
  hostVeth: string,
  ifName: string,
  netns: string,
): IpCommand[] {
  const peer = ['peer', 'name', ifName, ...withMtu(mtu), ...(mac ? ['address', mac] : []), 'netns', netns];
  return [
    ['address', 'show', 'dev', bridge],
    ['link', 'add', 'name', hostVeth, ...withMtu(mtu), 'master', bridge, 'up', 'type', 'veth', ...peer],
    ...(hairpinMode ? [['link', 'set', 'dev', hostVeth, 'type', 'bridge_slave', 'hairpin', 'on']] : []),
    ...(promiscMode ? [['link', 'set', 'dev', bridge, 'promisc', 'on']] : []),
    ['link', 'show', 'dev', hostVeth],
  ];
}

/** Undoes `attach`: the other end goes with it. */
export function detach(hostVeth: string): IpCommand[] {
  return [['link', 'delete', 'dev', hostVeth]];
}

/** Configures the interface inside the container's namespace and shows it. */
export function configure(ifName: string, { ips, routes }: NetworkPlan): IpCommand[] {
  return [
    ...ips.map(({ prefix }) => setAddress(prefix, ifName)),
    ['link', 'set', 'dev', ifName, 'up'],
    ...routes.map((route) => addRoute(route, ifName)),
    ['link', 'show', 'dev', ifName],
  ];
}

/**
 * Without duplicate address detection an IPv6 address is usable at once; IPAM has made sure that it is the only one.
 * `replace` succeeds where another ADD has just set the same one.
 */
function setAddress(prefix: Prefix, device: string): IpCommand {
  const options = prefix.address.family === 6 ? ['nodad'] : prefix.length < 31 ? ['broadcast', '+'] : [];
  return ['address', 'replace', formatPrefix(prefix), ...options, 'dev', device];
}

function addRoute({ dst, gw, mtu, advmss, priority, table, scope }: Route, ifName: string): IpCommand {
  const options = { mtu, advmss, metric: priority, table, scope };
  const given = Object.entries(options).flatMap(([key, value]) => (value === undefined ? [] : [key, String(value)]));
  return ['route', 'add', dst, ...(gw ? ['via', gw] : []), 'dev', ifName, ...given];
}

/**
 * The commands that give the bridge its gateway addresses, and none where it has them. Another address of IPv4, or one of
 * IPv6 whose network overlaps, is replaced with forceAddress and refused without.
 */
export function ensureGateways({ bridge, forceAddress }: Configuration, gateways: Prefix[], link: Link | undefined): IpCommand[] {
  const present = (link?.addr_info ?? []).flatMap(({ local, prefixlen }) => parsePrefix(`${local}/${prefixlen}`) ?? []);
  return gateways.flatMap((gateway) => {
    if (present.some((prefix) => formatPrefix(prefix) === formatPrefix(gateway))) return [];
    const wanted = gateways.map(formatPrefix);
    const conflicts = present.filter((prefix) => conflict(prefix, gateway) && !wanted.includes(formatPrefix(prefix)));
    if (conflicts.length > 0 && !forceAddress) {
      const what = `has the address ${conflicts.map(formatPrefix).join(', ')}, not ${formatPrefix(gateway)}`;
      const hint = 'remove that address, or set forceAddress';
      throw new CniError(errorCodes.invalidConfig, what, { object: `bridge ${bridge}`, hint });
    }
    return [
      ...conflicts.map((prefix): IpCommand => ['address', 'delete', formatPrefix(prefix), 'dev', bridge]),
      setAddress(gateway, bridge),
    ];
  });
}

function conflict(present: Prefix, wanted: Prefix): boolean {
  if (present.address.family !== wanted.address.family) return false;
  return wanted.address.family === 4 || contains(present, wanted.address) || contains(wanted, present.address);
}

function withMtu(mtu: number): string[] {
  return mtu > 0 ? ['mtu', String(mtu)] : [];
}

function badResult(ipam: string, what: string): CniError {
  return new CniError(errorCodes.decodingFailure, what, { object: `result of plugin ${ipam}` });
}
