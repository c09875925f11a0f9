import type { Address } from '@berth/sdk/cni/address';
import { formatAddress, parseAddress, parsePrefix } from '@berth/sdk/cni/address';
import type { Request } from '@berth/sdk/cni/plugin';
import type { Route } from '@berth/sdk/cni/types';
import { isObject } from '@berth/sdk/cni/types';
import type { RangeSet } from './range.ts';
import { invalid, overlap, readRange, readRangeSet } from './range.ts';

/** The `ipam` part of the configuration, checked. */
export interface Configuration {
  rangeSets: RangeSet[];
  routes: Route[];
  dataDir: string;
  /** A file in the form of resolv.conf, whose settings go into the result. */
  resolvConf?: string;
  /** Addresses that the runtime asks for: by CNI_ARGS, `args.cni.ips` or the capability `ips`. */
  requested: Address[];
}

const defaultDataDir = '/var/lib/cni/networks';

/** Reads the configuration. Throws a CniError (code 7) that names the key. */
export function readConfiguration({ config, args }: Pick<Request, 'config' | 'args'>): Configuration {
  const { ipam, runtimeConfig = {}, args: configArgs = {} } = config;
  if (!isObject(ipam)) throw invalid('ipam', 'is missing');
  if (!isObject(runtimeConfig)) throw invalid('runtimeConfig', 'must be an object');
  if (!isObject(configArgs)) throw invalid('args', 'must be an object');
  const resolvConf = optionalPath(ipam.resolvConf, 'ipam.resolvConf');
  return {
    rangeSets: readRangeSets(ipam, runtimeConfig.ipRanges),
    routes: list(ipam.routes, 'ipam.routes').map((route, index) => readRoute(route, `ipam.routes[${index}]`)),
    dataDir: optionalPath(ipam.dataDir, 'ipam.dataDir') ?? defaultDataDir,
    ...(resolvConf ? { resolvConf } : {}),
    requested: readRequested(args.IP, isObject(configArgs.cni) ? configArgs.cni.ips : undefined, runtimeConfig.ips),
  };
}

/** The runtime's ranges come first, then a single one at the top level, then `ranges`, as in the reference plugin. */
function readRangeSets(ipam: Record<string, unknown>, runtimeRanges: unknown): RangeSet[] {
  const sets = [
    ...list(runtimeRanges, 'runtimeConfig.ipRanges').map((set, index) => readRangeSet(set, `runtimeConfig.ipRanges[${index}]`)),
    ...(ipam.subnet === undefined ? [] : [[readRange(ipam, 'ipam')]]),
    ...list(ipam.ranges, 'ipam.ranges').map((set, index) => readRangeSet(set, `ipam.ranges[${index}]`)),
  ];
  if (sets.length === 0) throw invalid('ipam.ranges', 'is missing', 'name at least one subnet');
  sets.forEach((set, index) => {
    const other = sets.findIndex((earlier, position) => position < index && earlier.some((a) => set.some((b) => overlap(a, b))));
    if (other >= 0) throw invalid('ipam.ranges', `range set ${index} overlaps with range set ${other}`);
  });
  return sets;
}

function readRoute(value: unknown, field: string): Route {
  if (!isObject(value)) throw invalid(field, 'must be an object');
  if (!parsePrefix(value.dst)) throw invalid(`${field}.dst`, `${JSON.stringify(value.dst)} is no prefix like 0.0.0.0/0`);
  if (value.gw != null && !parseAddress(value.gw)) throw invalid(`${field}.gw`, `${JSON.stringify(value.gw)} is no IP address`);
  for (const key of ['mtu', 'advmss', 'priority', 'table', 'scope']) {
    if (value[key] != null && !Number.isSafeInteger(value[key])) throw invalid(`${field}.${key}`, 'must be a whole number');
  }
  return value as unknown as Route;
}

function readRequested(fromArgs: string | undefined, fromConfig: unknown, fromRuntime: unknown): Address[] {
  const given: [unknown, string][] = [
    ...(fromArgs ? [[fromArgs, 'CNI_ARGS IP'] as [unknown, string]] : []),
    ...list(fromConfig, 'args.cni.ips').map((ip): [unknown, string] => [ip, 'args.cni.ips']),
    ...list(fromRuntime, 'runtimeConfig.ips').map((ip): [unknown, string] => [ip, 'runtimeConfig.ips']),
  ];
  const addresses = given.map(([ip, field]) => {
    // The capability `ips` may carry a prefix length; the range's own counts.
    const address = parsePrefix(ip)?.address ?? parseAddress(ip);
    if (!address) throw invalid(field, `${JSON.stringify(ip)} is no IP address`);
    return address;
  });
  return [...new Map(addresses.map((address) => [formatAddress(address), address])).values()];
}

function list(value: unknown, field: string): unknown[] {
  if (value == null) return [];
  if (!Array.isArray(value)) throw invalid(field, 'must be a list');
  return value;
}

function optionalPath(value: unknown, field: string): string | undefined {
  if (value == null || value === '') return undefined;
  if (typeof value !== 'string') throw invalid(field, 'must be a string');
  return value;
}
