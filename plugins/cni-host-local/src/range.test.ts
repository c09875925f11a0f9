import { formatAddress, parseAddress } from '@berth/sdk/cni/address';
import { describe, expect, it } from 'vitest';
import { candidates, formatRangeSet, readRangeSet } from './range.ts';

const set = (...ranges: object[]) => readRangeSet(ranges, 'ranges[0]');
const walk = (ranges: object[], last?: string) =>
  [...candidates(set(...ranges), parseAddress(last))].map(({ address }) => formatAddress(address));

describe('a range', () => {
  it('is the whole subnet without its network and broadcast addresses, and .1 is the gateway', () => {
    expect(formatRangeSet(set({ subnet: '10.1.0.0/24' }))).toBe('10.1.0.1-10.1.0.254');
    expect(walk([{ subnet: '10.1.0.0/29' }])).toEqual(['10.1.0.2', '10.1.0.3', '10.1.0.4', '10.1.0.5', '10.1.0.6']);
  });

  it('of IPv6 has no broadcast address', () => {
    expect(walk([{ subnet: 'fd00::/126' }])).toEqual(['fd00::2', 'fd00::3']);
  });

  it.each([
    [{}, 'ranges[0][0].subnet: is missing'],
    [{ subnet: '10.1.0.5/24' }, 'ranges[0][0].subnet: 10.1.0.5/24 has host bits set; write 10.1.0.0/24'],
    [{ subnet: '10.1.0.0/31' }, 'too small'],
    [{ subnet: 'fd00::/127' }, 'too small'],
    [{ subnet: '10.1.0.0/24', rangeStart: '10.2.0.1' }, 'ranges[0][0].rangeStart: 10.2.0.1 is not in subnet 10.1.0.0/24'],
    [{ subnet: '10.1.0.0/24', rangeEnd: 'fd00::1' }, 'rangeEnd: fd00::1 is not in subnet'],
    [{ subnet: '10.1.0.0/24', rangeStart: '10.1.0.9', rangeEnd: '10.1.0.2' }, '10.1.0.9 is after rangeEnd 10.1.0.2'],
    [{ subnet: '10.1.0.0/24', gateway: 1 }, 'gateway: 1 is no IP address'],
  ])('%j is refused by the name of its key', (range, message) => {
    expect(() => set(range)).toThrow(message);
  });
});

describe('a range set', () => {
  it('refuses ranges that overlap or mix families', () => {
    expect(() => set({ subnet: '10.1.0.0/16' }, { subnet: '10.1.2.0/24' })).toThrow('overlaps with ranges[0][0]');
    expect(() => set({ subnet: '10.1.0.0/16' }, { subnet: 'fd00::/64' })).toThrow('mixes IPv4 and IPv6');
  });

  const ranges = [
    { subnet: '10.1.0.0/29', rangeEnd: '10.1.0.3' },
    { subnet: '10.2.0.0/29', rangeStart: '10.2.0.5', gateway: '10.2.0.6' },
  ];

  it('goes on from the last address and around, with each address once and no gateway', () => {
    expect(walk(ranges)).toEqual(['10.1.0.2', '10.1.0.3', '10.2.0.5']);
    expect(walk(ranges, '10.1.0.2')).toEqual(['10.1.0.3', '10.2.0.5', '10.1.0.2']);
    expect(walk(ranges, '10.2.0.5')).toEqual(['10.1.0.2', '10.1.0.3', '10.2.0.5']);
  });

  it('starts afresh where the last address is of another range', () => {
    expect(walk(ranges, '192.168.0.1')[0]).toBe('10.1.0.2');
  });
});
