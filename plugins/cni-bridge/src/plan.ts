import type { Prefix } from '@berth/sdk/cni/address';
import {
  distinctAddresses,
  formatAddress,
  formatPrefix,
  networkOf,
  overlap,
  parseAddress,
  parsePrefix,
  plus,
} from '@berth/sdk/cni/address';
import { invalid } from '@berth/sdk/cni/keys';
import type { AddRoute, NetworkOperation } from '@berth/sdk/cni/network';
import type { IpConfig, Result, Route } from '@berth/sdk/cni/types';
import { CniError, errorCodes } from '@berth/sdk/cni/types';
import type { Configuration } from './configuration.ts';

/** What an ADD makes, decided before anything is done. */
export interface NetworkPlan {
  ips: PlannedIp[];
  /** As the result tells them. */
  routes: Route[];
  /** The bridge's own addresses: the containers' gateways. */
  gateways: Prefix[];
}

interface PlannedIp extends IpConfig {
  prefix: Prefix;
}

/** Plans the addresses and routes of a container from what the IPAM plugin gave. */
export function planNetwork({ isGateway, isDefaultGateway, ipam, mtu }: Configuration, given: Result): NetworkPlan {
  const ips = (given.ips ?? []).map((ip) => planIp(ip, isGateway));
  refuseSmallMtu(mtu, ips);
  if (ipam !== undefined && ips.length === 0) throw badResult(ipam, 'has no ips');
  const routes = given.routes ?? [];
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

/** The least that a link with IPv6 has (RFC 8200). */
const smallestMtuOfIpv6 = 1280;

/** The kernel would say no more than that an address is invalid. */
function refuseSmallMtu(mtu: number | undefined, ips: PlannedIp[]): void {
  if (mtu === undefined || mtu >= smallestMtuOfIpv6) return;
  const ipv6 = ips.find(({ prefix }) => prefix.address.family === 6);
  if (!ipv6) return;
  const hint = `make it at least ${smallestMtuOfIpv6}, or give out IPv4 addresses alone`;
  throw invalid('mtu', `is ${mtu}, too small for the address ${ipv6.address}`, hint);
}

const anywhere = { 4: '0.0.0.0/0', 6: '::/0' } as const;

function missingDefaults(ips: PlannedIp[], routes: Route[]): Route[] {
  const families = [4, 6] as const;
  return families.flatMap((family) => {
    const ip = ips.find(({ prefix }) => prefix.address.family === family);
    if (!ip?.gateway || routes.some(({ dst }) => isDefault(dst, family))) return [];
    return [{ dst: anywhere[family], gw: ip.gateway }];
  });
}

/** However it is written: `0::/0`. */
function isDefault(destination: string, family: 4 | 6): boolean {
  const prefix = parsePrefix(destination);
  return prefix?.length === 0 && prefix.address.family === family;
}

function gatewayOf({ gateway, prefix }: PlannedIp): Prefix[] {
  const address = parseAddress(gateway);
  return address ? [{ address, length: prefix.length }] : [];
}

function distinct(prefixes: Prefix[]): Prefix[] {
  return [...new Map(prefixes.map((prefix) => [formatPrefix(prefix), prefix])).values()];
}

/** Gives the interface inside the container its addresses and brings it up. */
export function addressing(
  ifName: string,
  { ips }: Pick<NetworkPlan, 'ips'>,
  { enabledad }: Pick<Configuration, 'enabledad'>,
): NetworkOperation[] {
  return [
    ...parameters(ifName, ips, enabledad),
    // Up after the addresses: the kernel then announces them to the network (arp_notify).
    ...ips.map(({ prefix }): NetworkOperation => ({ do: 'add address', device: ifName, prefix, detectDuplicates: enabledad })),
    { do: 'set link', name: ifName, up: true },
  ];
}

/** The kernel parameters of the interface, as the reference plugin sets them. */
function parameters(ifName: string, ips: PlannedIp[], enabledad: boolean): NetworkOperation[] {
  if (ips.length === 0) return [];
  const ipv6 = ips.some(({ prefix }) => prefix.address.family === 6);
  const settings: [key: string, value: string][] = [
    [`net/ipv4/conf/${ifName}/arp_notify`, '1'],
    [`net/ipv6/conf/${ifName}/accept_dad`, enabledad ? '1' : '0'],
    ...(enabledad ? [[`net/ipv6/conf/${ifName}/enhanced_dad`, '1'] satisfies [string, string]] : []),
    ...(ipv6 ? enableIpv6(ifName) : []),
  ];
  return settings.map(([key, value]) => ({ do: 'set sysctl', key, value }));
}

/** Where the namespace has IPv6 off, as some runtimes make it, an address that is wanted turns it on; and an address outlasts its interface's being down. */
function enableIpv6(ifName: string): [key: string, value: string][] {
  return [
    ['net/ipv6/conf/lo/disable_ipv6', '0'],
    [`net/ipv6/conf/${ifName}/disable_ipv6`, '0'],
    [`net/ipv6/conf/${ifName}/keep_addr_on_down`, '1'],
  ];
}

/**
 * Adds the routes of the container. One without a gateway of its own goes by that of the first address of its family; several to the
 * same network, table, scope and metric are one by several gateways.
 */
export function routing(ifName: string, { ips, routes }: Pick<NetworkPlan, 'ips' | 'routes'>): NetworkOperation[] {
  const merged = new Map<string, AddRoute>();
  for (const route of routes) {
    const operation = addRoute(ifName, route, ips);
    const { destination, table, scope, priority } = operation;
    const key = [formatPrefix(networkOf(destination)), table, scope, priority].join();
    const same = merged.get(key);
    if (same) same.gateways = distinctAddresses([...same.gateways, ...operation.gateways]);
    else merged.set(key, operation);
  }
  return [...merged.values()];
}

function addRoute(ifName: string, route: Route, ips: PlannedIp[]): AddRoute {
  const { dst, gw, mtu, advmss, priority, table, scope } = route;
  const destination = parsePrefix(dst);
  if (!destination) throw badResult('of IPAM', `has a route to ${JSON.stringify(dst)}`);
  const { family } = destination.address;
  const gateway = parseAddress(gw ?? ips.find((ip) => ip.gateway && ip.prefix.address.family === family)?.gateway);
  if (gw !== undefined && gateway?.family !== family) throw badResult('of IPAM', `has a route to ${dst} via ${JSON.stringify(gw)}`);
  const options = { mtu, advmss, priority, table, scope };
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return { do: 'add route', device: ifName, destination, gateways: gateway ? [gateway] : [], ...given };
}

/**
 * Gives the bridge, or its interface in a VLAN, its gateway addresses; nothing where it has them. Another address of IPv4, or one of
 * IPv6 whose network overlaps, is replaced with forceAddress and refused without.
 */
export function planGateways(
  { device, forceAddress }: { device: string; forceAddress: boolean },
  gateways: Prefix[],
  present: Prefix[],
): NetworkOperation[] {
  return gateways.flatMap((gateway) => {
    if (present.some((prefix) => formatPrefix(prefix) === formatPrefix(gateway))) return [];
    const wanted = gateways.map(formatPrefix);
    const conflicts = present.filter((prefix) => conflict(prefix, gateway) && !wanted.includes(formatPrefix(prefix)));
    if (conflicts.length > 0 && !forceAddress) {
      const what = `has the address ${conflicts.map(formatPrefix).join(', ')}, not ${formatPrefix(gateway)}`;
      const hint = 'remove that address, or set forceAddress';
      throw new CniError(errorCodes.invalidConfig, what, { object: `bridge ${device}`, hint });
    }
    return [
      ...conflicts.map((prefix): NetworkOperation => ({ do: 'delete address', device, prefix })),
      // IPAM gives the gateway's address to nobody else: no need to look for another host with it.
      { do: 'add address', device, prefix: gateway, detectDuplicates: false } satisfies NetworkOperation,
    ];
  });
}

function conflict(present: Prefix, wanted: Prefix): boolean {
  if (present.address.family !== wanted.address.family) return false;
  return wanted.address.family === 4 || overlap(present, wanted);
}

function badResult(ipam: string, what: string): CniError {
  return new CniError(errorCodes.decodingFailure, what, { object: `result of plugin ${ipam}` });
}
