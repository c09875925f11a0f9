import {
  type Address,
  bits,
  contains,
  formatAddress,
  formatPrefix,
  lastAddress,
  networkAddress,
  networkOf,
  type Prefix,
  parseAddress,
  parsePrefix,
} from '@berth/sdk/cni/address';
import { invalid, Keys } from '@berth/sdk/cni/keys';
import { notJson } from '@berth/sdk/cni/types';
import { PluginError } from '@berth/sdk/errors';
import type { Family, PerFamily } from './per-family.ts';

/** Which subnets of a network hosts may get. */
export interface SubnetRange {
  network: Prefix;
  /** The first address of the lowest subnet, and of the highest. */
  min: Address;
  max: Address;
  /** Of each host's subnet. */
  length: number;
}

/** The network's configuration, read and checked, with what it leaves out filled in. */
export interface NetworkConfig {
  ranges: PerFamily<SubnetRange>;
  enableNftables: boolean;
  /** `Backend`, with the keys of its type. */
  backend: Keys;
  backendType: BackendType;
}

const backendTypes = ['vxlan', 'host-gw', 'udp'] as const;
export type BackendType = (typeof backendTypes)[number];

/** How flannel's keys differ between the families, and its limits on prefix lengths. */
const familyKeys = {
  4: { enable: 'EnableIPv4', prefix: '', largestLength: 30, smallestNetwork: 28, usualLength: 24 },
  6: { enable: 'EnableIPv6', prefix: 'IPv6', largestLength: 126, smallestNetwork: 124, usualLength: 64 },
} as const;

/** Four subnets are the fewest that do: the first of a network is given to nobody. */
const fewestSubnetBits = 2;

/**
 * Reads the JSON text of a network's configuration, flannel's keys. Throws INVALID_ARGUMENT that names `object` (where the text is) and the key.
 */
export function parseNetworkConfig(text: string, object: string): NetworkConfig {
  const keys = new Keys(parseJson(text, object), object);
  const ranges = {
    ...((keys.boolean('EnableIPv4') ?? true) ? { 4: readRange(keys, 4) } : {}),
    ...(keys.boolean('EnableIPv6') ? { 6: readRange(keys, 6) } : {}),
  };
  if (Object.keys(ranges).length === 0) throw keys.wrong('EnableIPv4', 'must be true where EnableIPv6 is not', 'enable one of them');
  const backend = keys.object('Backend');
  return {
    ranges,
    enableNftables: keys.boolean('EnableNFTables') ?? false,
    backend: backend ?? new Keys({}, keys.path('Backend')),
    backendType: backend ? backendTypeOf(backend) : 'udp',
  };
}

function parseJson(text: string, object: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const hint = 'write JSON such as {"Network": "10.5.0.0/16", "Backend": {"Type": "vxlan"}} there';
    throw new PluginError('INVALID_ARGUMENT', notJson(cause), { object, cause, hint });
  }
}

function backendTypeOf(backend: Keys): BackendType {
  const type = backend.oneOf('Type', backendTypes);
  if (type === undefined) throw backend.wrong('Type', `must be one of ${backendTypes.join(', ')}`);
  return type;
}

function readRange(keys: Keys, family: Family): SubnetRange {
  const network = readNetwork(keys, family);
  const length = readLength(keys, family, network);
  const size = 1n << BigInt(bits(network.address) - length);
  const first = networkAddress(network).value;
  const end = lastAddress(network).value + 1n;
  const min = readBound(keys, family, 'SubnetMin', network, size) ?? { family, value: first + size };
  const max = readBound(keys, family, 'SubnetMax', network, size) ?? { family, value: end - size };
  if (min.value > max.value) {
    throw keys.wrong(name(family, 'SubnetMin'), `must not be above ${name(family, 'SubnetMax')} (${formatAddress(max)})`);
  }
  return { network, min, max, length };
}

function readNetwork(keys: Keys, family: Family): Prefix {
  const key = name(family, 'Network');
  const prefix = parsePrefix(keys.string(key));
  const example = family === 4 ? '10.5.0.0/16' : 'fd00:5::/48';
  if (prefix?.address.family !== family) throw keys.wrong(key, `must be an IPv${family} network such as ${example}`);
  return networkOf(prefix);
}

function readLength(keys: Keys, family: Family, network: Prefix): number {
  const { largestLength, smallestNetwork, usualLength } = familyKeys[family];
  const key = name(family, 'SubnetLen');
  const shortest = network.length + fewestSubnetBits;
  const networkKey = name(family, 'Network');
  if (network.length > smallestNetwork) {
    throw keys.wrong(networkKey, `must have a prefix of at most /${smallestNetwork}, so that it holds four subnets`);
  }
  // flannel takes 0 for not set.
  const length = keys.integer(key, 0, largestLength);
  if (!length) return Math.max(usualLength, shortest);
  if (length < shortest) {
    throw keys.wrong(key, `must be from ${shortest} to ${largestLength}, so that ${formatPrefix(network)} holds four subnets`);
  }
  return length;
}

function readBound(keys: Keys, family: Family, which: 'SubnetMin' | 'SubnetMax', network: Prefix, size: bigint): Address | undefined {
  const key = name(family, which);
  const text = keys.string(key);
  if (text === undefined) return undefined;
  const address = parseAddress(text);
  if (!address || !contains(network, address)) throw keys.wrong(key, `must be an address of ${formatPrefix(network)}`);
  const before = address.value % size;
  if (before !== 0n) {
    const start = formatAddress({ family, value: address.value - before });
    throw invalid(keys.path(key), `must be where a subnet starts, and ${text} is not`, `write ${start}`);
  }
  return address;
}

function name(family: Family, key: string): string {
  return `${familyKeys[family].prefix}${key}`;
}
