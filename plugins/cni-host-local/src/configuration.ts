import type { Address } from '@berth/sdk/cni/address';
import { distinctAddresses, parseAddress, parsePrefix } from '@berth/sdk/cni/address';
import { invalid, Keys } from '@berth/sdk/cni/keys';
import type { Request } from '@berth/sdk/cni/plugin';
import type { Route } from '@berth/sdk/cni/types';
import { compareVersions } from '@berth/sdk/cni/versions';
import type { RangeSet } from './range.ts';
import { overlap, readRange, readRangeSet } from './range.ts';

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
export function readConfiguration({ config, args, cniVersion }: Pick<Request, 'config' | 'args' | 'cniVersion'>): Configuration {
  const keys = new Keys(config);
  const ipam = readIpam(keys);
  const rangeSets = readRangeSets(ipam, keys.object('runtimeConfig'));
  refuseSeveralPerFamily(rangeSets, cniVersion);
  const resolvConf = ipam.string('resolvConf');
  return {
    rangeSets,
    routes: ipam.objects('routes').map(readRoute),
    dataDir: ipam.string('dataDir') ?? defaultDataDir,
    ...(resolvConf ? { resolvConf } : {}),
    requested: readRequested(keys, args.IP),
  };
}

/** Where the store is. What releases addresses needs no more: it works whatever has become of the ranges. */
export function readDataDir({ config }: Pick<Request, 'config'>): string {
  return readIpam(new Keys(config)).string('dataDir') ?? defaultDataDir;
}

function readIpam(keys: Keys): Keys {
  const ipam = keys.object('ipam');
  if (ipam) return ipam;
  throw invalid('ipam', 'is missing', 'write {"type": "host-local", "ranges": [[{"subnet": "10.1.0.0/16"}]]}');
}

/** The runtime's ranges come first, then a single one at the top level, then `ranges`, as in the reference plugin. */
function readRangeSets(ipam: Keys, runtimeConfig: Keys | undefined): RangeSet[] {
  const sets = (keys: Keys | undefined, key: string) =>
    (keys?.list(key) ?? []).map((set, index) => readRangeSet(set, `${keys?.path(key)}[${index}]`));
  const all = [
    ...sets(runtimeConfig, 'ipRanges'),
    ...(ipam.value('subnet') === undefined ? [] : [[readRange(ipam)]]),
    ...sets(ipam, 'ranges'),
  ];
  if (all.length === 0) throw invalid(ipam.path('ranges'), 'is missing', 'name at least one subnet');
  all.forEach((set, index) => {
    const other = all.findIndex((earlier, position) => position < index && earlier.some((a) => set.some((b) => overlap(a, b))));
    if (other >= 0)
      throw invalid(ipam.path('ranges'), `range set ${index} overlaps with range set ${other}`, 'give each its own addresses');
  });
  return all;
}

/** Results before 0.3.0 have room for one address of each family. */
function refuseSeveralPerFamily(sets: RangeSet[], cniVersion: string): void {
  if (compareVersions(cniVersion, '0.3.0') >= 0) return;
  const several = ([4, 6] as const).find((family) => sets.filter(([range]) => range?.start.family === family).length > 1);
  if (several === undefined) return;
  throw invalid(
    'ipam.ranges',
    `holds several range sets of IPv${several}, and a result of cniVersion ${cniVersion} one address`,
    'use 0.3.0 or newer',
  );
}

const largestUint32 = 2 ** 32 - 1;

function readRoute(keys: Keys): Route {
  const { dst, gw } = { dst: keys.string('dst'), gw: keys.string('gw') };
  if (dst === undefined) throw invalid(keys.path('dst'), 'is missing', 'write it like 0.0.0.0/0');
  if (!parsePrefix(dst)) throw keys.wrong('dst', 'must be a prefix like 0.0.0.0/0');
  if (gw !== undefined && !parseAddress(gw)) throw keys.wrong('gw', 'must be an IP address');
  const numbers = (['mtu', 'advmss', 'priority', 'table', 'scope'] as const).map(
    (key) => [key, keys.integer(key, 0, largestUint32)] as const,
  );
  return { dst, ...(gw === undefined ? {} : { gw }), ...Object.fromEntries(numbers.filter(([, value]) => value !== undefined)) };
}

function readRequested(keys: Keys, fromEnvironment: string | undefined): Address[] {
  const [runtimeConfig, args] = [keys.object('runtimeConfig'), keys.object('args')?.object('cni')];
  const given: [path: string, ip: string][] = fromEnvironment ? [['CNI_ARGS IP', fromEnvironment]] : [];
  for (const each of [args, runtimeConfig]) {
    for (const [index, ip] of each?.strings('ips').entries() ?? []) given.push([`${each?.path('ips')}[${index}]`, ip]);
  }
  const addresses = given.map(([path, ip]) => {
    // The capability `ips` may carry a prefix length; the range's own counts.
    const address = parsePrefix(ip)?.address ?? parseAddress(ip);
    if (!address) throw invalid(path, `must be an IP address, and is ${JSON.stringify(ip.slice(0, 100))}`);
    return address;
  });
  return distinctAddresses(addresses);
}
