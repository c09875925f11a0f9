import type { Address, Prefix } from '@berth/sdk/cni/address';
import {
  bits,
  contains,
  formatAddress,
  formatPrefix,
  lastAddress,
  networkOf,
  parseAddress,
  parsePrefix,
  plus,
  sameAddress,
} from '@berth/sdk/cni/address';
import { invalid, Keys } from '@berth/sdk/cni/keys';

/** Addresses to allocate from: `start` to `end`, both of them included, without the gateway. */
export interface Range {
  subnet: Prefix;
  start: Address;
  end: Address;
  gateway: Address;
}

/** Ranges of one family that are used up one after the other; a container gets one address of each set. */
export type RangeSet = Range[];

/** Reads a range: subnet, and optionally rangeStart, rangeEnd and gateway. */
export function readRange(keys: Keys): Range {
  const subnet = readSubnet(keys);
  const first = plus(subnet.address, 1n);
  // The broadcast address of IPv4 is no host's.
  const last = plus(lastAddress(subnet), subnet.address.family === 4 ? -1n : 0n);
  const [start, end] = [readWithin(subnet, keys, 'rangeStart') ?? first, readWithin(subnet, keys, 'rangeEnd') ?? last];
  if (start.value > end.value) {
    const limits = `${formatAddress(start)} is after rangeEnd ${formatAddress(end)}`;
    throw invalid(keys.path('rangeStart'), limits, 'name the lower address first');
  }
  return { subnet, start, end, gateway: readGateway(subnet, keys) ?? first };
}

function readSubnet(keys: Keys): Prefix {
  if (keys.value('subnet') === undefined) throw invalid(keys.path('subnet'), 'is missing', 'write it like 10.1.0.0/16');
  const subnet = parsePrefix(keys.value('subnet'));
  if (!subnet) throw keys.wrong('subnet', 'must be a prefix like 10.1.0.0/16');
  const network = networkOf(subnet);
  if (!sameAddress(network.address, subnet.address)) {
    throw invalid(keys.path('subnet'), `${formatPrefix(subnet)} has host bits set`, `write ${formatPrefix(network)}`);
  }
  const longest = bits(subnet.address) - 2;
  if (subnet.length <= longest) return subnet;
  throw invalid(keys.path('subnet'), `${formatPrefix(subnet)} is too small to allocate from`, `make it a /${longest} or larger`);
}

function readAddress(keys: Keys, key: string): Address | undefined {
  if (keys.value(key) === undefined) return undefined;
  const address = parseAddress(keys.value(key));
  if (address) return address;
  throw keys.wrong(key, 'must be an IP address');
}

function readWithin(subnet: Prefix, keys: Keys, key: string): Address | undefined {
  const address = readAddress(keys, key);
  if (!address || contains(subnet, address)) return address;
  throw invalid(keys.path(key), `${formatAddress(address)} is not in subnet ${formatPrefix(subnet)}`);
}

/** It may lie outside of the subnet, as with the reference plugin: a route leads to it then. */
function readGateway(subnet: Prefix, keys: Keys): Address | undefined {
  const gateway = readAddress(keys, 'gateway');
  if (!gateway || gateway.family === subnet.address.family) return gateway;
  throw invalid(keys.path('gateway'), `${formatAddress(gateway)} is not of the family of subnet ${formatPrefix(subnet)}`);
}

/** Reads a range set, which `path` names in errors; its ranges are of one family and don't overlap. */
export function readRangeSet(value: unknown, path: string): RangeSet {
  if (!Array.isArray(value) || value.length === 0) {
    throw invalid(path, 'must be a list of at least one range', 'write [[{"subnet": "10.1.0.0/16"}]]');
  }
  const ranges = value.map((range, index) => readRange(new Keys(range, `${path}[${index}]`)));
  if (ranges.some(({ subnet }) => subnet.address.family !== ranges[0]?.subnet.address.family)) {
    throw invalid(path, 'mixes IPv4 and IPv6', 'give each family a range set of its own');
  }
  ranges.forEach((range, index) => {
    const other = ranges.findIndex((earlier, position) => position < index && overlap(earlier, range));
    if (other >= 0)
      throw invalid(`${path}[${index}]`, `${formatRange(range)} overlaps with ${path}[${other}]`, 'give each its own addresses');
  });
  return ranges;
}

/** Do two ranges have an address in common? */
export function overlap(a: Range, b: Range): boolean {
  return a.start.family === b.start.family && a.start.value <= b.end.value && b.start.value <= a.end.value;
}

/** The range of `set` that holds `address`, if any. */
export function rangeOf(set: RangeSet, address: Address): Range | undefined {
  return set.find(({ start, end }) => start.family === address.family && start.value <= address.value && address.value <= end.value);
}

/** How many containers can have an address of `set` at once. */
export function capacityOf(set: RangeSet): bigint {
  return set.reduce((sum, range) => sum + range.end.value - range.start.value + (rangeOf([range], range.gateway) ? 0n : 1n), 0n);
}

/** `10.1.0.1-10.1.0.254, 10.2.0.1-10.2.0.254` */
export function formatRangeSet(set: RangeSet): string {
  return set.map(formatRange).join(', ');
}

function formatRange({ start, end }: Range): string {
  return `${formatAddress(start)}-${formatAddress(end)}`;
}
