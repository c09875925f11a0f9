import type { Address } from '@berth/sdk/cni/address';
import { formatAddress, parseAddress } from '@berth/sdk/cni/address';
import type { Range, RangeSet } from './range.ts';
import { rangeOf } from './range.ts';

/** Which addresses are taken. */
export interface Taken {
  /** Asks for one. */
  has(address: string): boolean;
  /** Asks for all, which takes long where they are many. */
  all(): Set<string>;
}

interface Found {
  address: Address;
  range: Range;
}

/**
 * An address of `set` that a container may get and that isn't taken, soon after `last`, so that one that was given back is used again as late as
 * can be. It is the next one where one of the next 64 is free. Behind more that are taken it is the end of a run of them, since to pass
 * one after the other would take long; and only where that finds none, all are looked at.
 */
export function findFree(set: RangeSet, last: Address | undefined, taken: Taken): Found | undefined {
  const spans = inOrder(set, last);
  let known: Set<string> | undefined;
  const all = () => (known ??= taken.all());
  return firstOf(spans, (span) => leap(span, taken)) ?? firstOf(spans, (span) => walk(span, all()));
}

function firstOf(spans: Span[], search: (span: Span) => Address | undefined): Found | undefined {
  for (const span of spans) {
    const address = search(span);
    if (address) return { address, range: span.range };
  }
  return undefined;
}

interface Span {
  range: Range;
  from: bigint;
  to: bigint;
}

/** From `last` to the end, and around from the beginning. Where `last` is in no range, the search starts at the beginning. */
function inOrder(set: RangeSet, last: Address | undefined): Span[] {
  const current = last && rangeOf(set, last);
  const whole = (range: Range): Span => ({ range, from: range.start.value, to: range.end.value });
  if (!current) return set.map(whole);
  const position = set.indexOf(current);
  return [
    { ...whole(current), from: last.value + 1n },
    ...[...set.slice(position + 1), ...set.slice(0, position)].map(whole),
    { ...whole(current), to: last.value },
  ];
}

const oneByOne = 64n;

/** Asks for the first ones in turn, then for each that is twice as far and the last, and halves the way back from the first that is free. */
function leap({ range, from, to }: Span, taken: Taken): Address | undefined {
  const isFree = (value: bigint) => value !== range.gateway.value && !taken.has(formatAddress({ family: range.start.family, value }));
  const following = (offset: bigint) => (offset < oneByOne ? offset + 1n : offset * 2n);
  let takenAt = from - 1n;
  for (let offset = 0n; takenAt < to; offset = following(offset)) {
    const value = from + offset < to ? from + offset : to;
    if (isFree(value)) return { family: range.start.family, value: endOfRun(takenAt, value, isFree) };
    takenAt = value;
  }
  return undefined;
}

/** A free address whose predecessor is taken, between one that is taken and one that is free. */
function endOfRun(takenAt: bigint, freeAt: bigint, isFree: (value: bigint) => boolean): bigint {
  if (freeAt - takenAt <= 1n) return freeAt;
  const middle = (takenAt + freeAt) / 2n;
  return isFree(middle) ? endOfRun(takenAt, middle, isFree) : endOfRun(middle, freeAt, isFree);
}

function walk({ range, from, to }: Span, taken: Set<string>): Address | undefined {
  const gateway = formatAddress(range.gateway);
  return parseAddress(findText(range.start.family, from, to, (candidate) => candidate !== gateway && !taken.has(candidate)));
}

/** The first address from `from` to `to`, as text, that is wanted. Within a block, 256 of IPv4 or 65,536 of IPv6, only the end differs. */
function findText(family: Address['family'], from: bigint, to: bigint, isWanted: (candidate: string) => boolean): string | undefined {
  const mask = family === 4 ? 0xffn : 0xffffn;
  for (let start = from; start <= to; start = (start | mask) + 1n) {
    const write = blockFrom({ family, value: start & ~mask });
    const end = Number((start | mask) < to ? mask : to & mask);
    for (let low = Number(start & mask); low <= end; low++) {
      const candidate = write(low);
      if (isWanted(candidate)) return candidate;
    }
  }
  return undefined;
}

/** Writes the addresses of a block by their last part: how IPv6 leaves out zeros is the same in all of them but the one that ends in 0. */
function blockFrom(base: Address): (low: number) => string {
  const zero = formatAddress(base);
  const prefix = formatAddress({ ...base, value: base.value + 1n }).slice(0, -1);
  return (low) => (low === 0 ? zero : prefix + low.toString(base.family === 4 ? 10 : 16));
}
