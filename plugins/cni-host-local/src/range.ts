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
import { CniError, errorCodes, isObject } from '@berth/sdk/cni/types';

/** Addresses to allocate from: `start` to `end`, both of them included, without the gateway. */
export interface Range {
  subnet: Prefix;
  start: Address;
  end: Address;
  gateway: Address;
}

/** Ranges of one family that are used up one after the other; a container gets one address of each set. */
export type RangeSet = Range[];

/** Reads a range: subnet, and optionally rangeStart, rangeEnd and gateway. `field` names it in errors. */
export function readRange(value: unknown, field: string): Range {
  if (!isObject(value)) throw invalid(field, 'must be an object');
  const subnet = readSubnet(value.subnet, `${field}.subnet`);
  const first = plus(subnet.address, 1n);
  // The broadcast address of IPv4 is no host's.
  const last = plus(lastAddress(subnet), subnet.address.family === 4 ? -1n : 0n);
  const within = (key: string, fallback: Address) => (value[key] == null ? fallback : readWithin(subnet, value[key], `${field}.${key}`));
  const range = { subnet, start: within('rangeStart', first), end: within('rangeEnd', last), gateway: within('gateway', first) };
  if (range.start.value > range.end.value) {
    throw invalid(`${field}.rangeStart`, `${formatAddress(range.start)} is after rangeEnd ${formatAddress(range.end)}`);
  }
  return range;
}

function readSubnet(value: unknown, field: string): Prefix {
  const subnet = parsePrefix(value);
  if (!subnet) throw invalid(field, value === undefined ? 'is missing' : `${JSON.stringify(value)} is no prefix like 10.1.0.0/16`);
  const network = networkOf(subnet);
  if (!sameAddress(network.address, subnet.address)) {
    throw invalid(field, `${formatPrefix(subnet)} has host bits set`, `write ${formatPrefix(network)}`);
  }
  if (subnet.length > bits(subnet.address) - 2) throw invalid(field, `${formatPrefix(subnet)} is too small to allocate from`);
  return subnet;
}

function readWithin(subnet: Prefix, value: unknown, field: string): Address {
  const address = parseAddress(value);
  if (!address) throw invalid(field, `${JSON.stringify(value)} is no IP address`);
  if (!contains(subnet, address)) throw invalid(field, `${formatAddress(address)} is not in subnet ${formatPrefix(subnet)}`);
  return address;
}

/** Reads a range set; its ranges are of one family and don't overlap. */
export function readRangeSet(value: unknown, field: string): RangeSet {
  if (!Array.isArray(value) || value.length === 0) throw invalid(field, 'must be a list of ranges with at least one');
  const ranges = value.map((range, index) => readRange(range, `${field}[${index}]`));
  if (ranges.some(({ subnet }) => subnet.address.family !== ranges[0]?.subnet.address.family)) {
    throw invalid(field, 'mixes IPv4 and IPv6', 'give each family a range set of its own');
  }
  ranges.forEach((range, index) => {
    const other = ranges.findIndex((earlier, position) => position < index && overlap(earlier, range));
    if (other >= 0) throw invalid(`${field}[${index}]`, `${formatRange(range)} overlaps with ${field}[${other}]`);
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

/**
 * Every address of `set` that a container may get, once each: from the one after `last` to the end, and around from the
 * beginning, so that an address that was given back is used again as late as can be.
 */
export function* candidates(set: RangeSet, last: Address | undefined): Generator<{ address: Address; range: Range }> {
  const current = last && rangeOf(set, last);
  const position = current ? set.indexOf(current) : 0;
  const rotated = [...set.slice(position), ...set.slice(0, position)];
  const firstValue = current && last ? last.value + 1n : undefined;
  for (const [index, range] of rotated.entries()) {
    yield* walk(range, index === 0 ? (firstValue ?? range.start.value) : range.start.value, range.end.value);
  }
  if (current && last) yield* walk(current, current.start.value, last.value);
}

function* walk(range: Range, from: bigint, to: bigint): Generator<{ address: Address; range: Range }> {
  for (let value = from; value <= to; value++) {
    if (value !== range.gateway.value) yield { address: { family: range.start.family, value }, range };
  }
}

/** `10.1.0.1-10.1.0.254, 10.2.0.1-10.2.0.254` */
export function formatRangeSet(set: RangeSet): string {
  return set.map(formatRange).join(', ');
}

function formatRange({ start, end }: Range): string {
  return `${formatAddress(start)}-${formatAddress(end)}`;
}

export function invalid(object: string, what: string, hint?: string): CniError {
  return new CniError(errorCodes.invalidConfig, what, { object, ...(hint ? { hint } : {}) });
}
