import { formatAddress, parseAddress } from '@berth/sdk/cni/address';
import { describe, expect, it } from 'vitest';
import { findFree, type Taken } from './free-address.ts';
import { readRangeSet } from './range.ts';

/** All addresses in the order in which they are given out, while none is given back. */
function walk(ranges: object[], last?: string): string[] {
  const set = readRangeSet(ranges, 'ranges');
  const taken = new Set<string>();
  const search = () => findFree(set, parseAddress(last), takenFrom(taken));
  for (let found = search(); found; found = search()) taken.add(formatAddress(found.address));
  return [...taken];
}

describe('findFree', () => {
  it('passes the gateway', () => {
    expect(walk([{ subnet: '10.1.0.0/29' }])).toEqual(['10.1.0.2', '10.1.0.3', '10.1.0.4', '10.1.0.5', '10.1.0.6']);
    expect(walk([{ subnet: 'fd00::/126' }])).toEqual(['fd00::2', 'fd00::3']);
    expect(walk([{ subnet: '10.1.0.0/30', gateway: '10.9.0.1' }])).toEqual(['10.1.0.1', '10.1.0.2']);
  });

  const ranges = [
    { subnet: '10.1.0.0/29', rangeEnd: '10.1.0.3' },
    { subnet: '10.2.0.0/29', rangeStart: '10.2.0.5', gateway: '10.2.0.6' },
  ];

  it('goes on from the last address and around, with each address once', () => {
    expect(walk(ranges)).toEqual(['10.1.0.2', '10.1.0.3', '10.2.0.5']);
    expect(walk(ranges, '10.1.0.2')).toEqual(['10.1.0.3', '10.2.0.5', '10.1.0.2']);
    expect(walk(ranges, '10.2.0.5')).toEqual(['10.1.0.2', '10.1.0.3', '10.2.0.5']);
  });

  it('starts afresh where the last address is of another range', () => {
    expect(walk(ranges, '192.168.0.1')[0]).toBe('10.1.0.2');
  });

  it.each([
    ['10.1.0.254', '10.1.0.255'],
    ['10.1.0.255', '10.1.1.0'],
    ['10.1.255.255', '10.2.0.0'],
  ])('in a /8 goes on from %s to %s', (last, following) => {
    expect(next('10.0.0.0/8', last)).toBe(following);
  });

  it.each([
    ['fd00::9', 'fd00::a'],
    ['fd00::ffff', 'fd00::1:0'],
    ['fd00::1:0', 'fd00::1:1'],
    ['fd00::ffff:ffff', 'fd00::1:0:0'],
    ['fd00::1:0:0', 'fd00::1:0:1'],
    ['fd00:0:0:0:1:0:0:ffff', 'fd00::1:0:1:0'],
  ])('in a /64 goes on from %s to %s', (last, following) => {
    expect(next('fd00::/64', last)).toBe(following);
  });

  it('finds the end of a million addresses that are taken, without asking for each', () => {
    let asked = 0;
    const has = (address: string) => {
      asked++;
      return (parseAddress(address)?.value ?? 0n) - (parseAddress('fd00::')?.value ?? 0n) <= 1_000_000n;
    };
    expect(next('fd00::/64', undefined, { has, all: () => new Set() })).toBe('fd00::f:4241');
    expect(asked).toBeLessThan(120);
  });

  it('finds the few that are left at the end of a range without asking for all', () => {
    const has = (address: string) => (parseAddress(address)?.value ?? 0n) < (parseAddress('10.1.234.0')?.value ?? 0n);
    expect(next('10.1.0.0/16', '10.1.0.1', { has, all: () => expect.fail('asked for all') })).toBe('10.1.234.0');
  });

  it('finds the only free address of a range, wherever it is', () => {
    const all = Array.from({ length: 1022 }, (_, index) => `10.1.${(index + 1) >> 8}.${(index + 1) & 255}`);
    for (const free of ['10.1.0.2', '10.1.0.70', '10.1.1.200', '10.1.3.254']) {
      const taken = new Set(all.filter((address) => address !== free));
      for (const last of [undefined, '10.1.0.2', '10.1.1.199', '10.1.3.254'])
        expect(next('10.1.0.0/22', last, takenFrom(taken))).toBe(free);
    }
    expect(next('10.1.0.0/22', undefined, takenFrom(new Set(all)))).toBeUndefined();
  });
});

function takenFrom(addresses: Set<string>): Taken {
  return { has: (address) => addresses.has(address), all: () => addresses };
}

function next(subnet: string, last: string | undefined, taken = takenFrom(new Set())): string | undefined {
  const found = findFree(readRangeSet([{ subnet }], 'ranges'), parseAddress(last), taken);
  return found && formatAddress(found.address);
}
