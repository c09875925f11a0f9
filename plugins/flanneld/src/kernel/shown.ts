import { type Address, bits, formatAddress, type Prefix, parseAddress, parsePrefix } from '@berth/sdk/cni/address';
import { forceBatch, type IpCommand } from '@berth/sdk/cni/ip-batch';
import { PluginError } from '@berth/sdk/errors';

/** What `ip -json -details` says of an interface and its addresses; the fields that are read here. */
export interface ShownLink {
  ifname: string;
  mtu: number;
  flags?: string[];
  /** The MAC address. */
  address?: string;
  linkinfo?: { info_kind?: string; info_data?: Record<string, unknown> };
  addr_info?: { family: string; local: string; prefixlen: number; scope: string }[];
}

/** What `ip -json -details` says of a route. */
export interface ShownRoute {
  /** `default`, an address, or a prefix. */
  dst: string;
  gateway?: string;
  dev?: string;
  /** Its number where it has no name. */
  protocol?: string;
  table?: string;
  /** Only of IPv6 routes. */
  pref?: string;
  prefsrc?: string;
  flags?: string[];
}

/** The interfaces of this network namespace with their addresses, and the routes of both families in the main table. */
export async function showNetwork(): Promise<{ links: ShownLink[]; routes: ShownRoute[] }> {
  const [links = [], routes = []] = await show<ShownLink | ShownRoute>('ip', [
    ['address', 'show'],
    ['route', 'show', 'table', 'all'],
  ]);
  return { links: links as ShownLink[], routes: (routes as ShownRoute[]).filter(({ table = 'main' }) => table === 'main') };
}

/**
 * What commands of ip(8) or bridge(8) show, one answer for each. Throws INTERNAL where one fails: what it left out would be taken for missing.
 */
export async function show<Shown>(program: 'ip' | 'bridge', commands: readonly IpCommand[]): Promise<Shown[][]> {
  const { shown, failures } = await forceBatch<Shown>(program, commands);
  const [failure] = failures;
  if (failure) throw new PluginError('INTERNAL', failure.reason, { object: `\`${failure.command}\`` });
  return shown;
}

/** A route's destination; undefined for the default route and for what is no address. */
export function destinationOf({ dst }: ShownRoute): Prefix | undefined {
  const address = parseAddress(dst);
  return address ? { address, length: bits(address) } : parsePrefix(dst);
}

/** Addresses that mean the same, written the same. */
export function canonical(text: string | undefined): string | undefined {
  const address: Address | undefined = parseAddress(text);
  return address && formatAddress(address);
}
