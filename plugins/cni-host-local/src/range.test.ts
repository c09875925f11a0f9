import { Keys } from '@berth/sdk/cni/keys';
import { describe, expect, it } from 'vitest';
import { capacityOf, formatRangeSet, readRange, readRangeSet } from './range.ts';

const set = (...ranges: object[]) => readRangeSet(ranges, 'ranges[0]');

describe('a range', () => {
  it('is the whole subnet without its network and broadcast addresses, and .1 is the gateway', () => {
    expect(formatRangeSet(set({ subnet: '10.1.0.0/24' }))).toBe('10.1.0.1-10.1.0.254');
    expect(capacityOf(set({ subnet: '10.1.0.0/24' }))).toBe(253n);
  });

  it('of IPv6 has no broadcast address', () => {
    expect(formatRangeSet(set({ subnet: 'fd00::/126' }))).toBe('fd00::1-fd00::3');
  });

  it('may have its gateway elsewhere', () => {
    expect(capacityOf(set({ subnet: '10.1.0.0/29', gateway: '10.2.0.1' }))).toBe(6n);
  });

  it.each([
    [{}, 'ranges[0][0].subnet: is missing; write it like 10.1.0.0/16'],
    [{ subnet: 7 }, 'ranges[0][0].subnet: must be a prefix like 10.1.0.0/16, and is 7'],
    [{ subnet: '10.1.0.0' }, 'must be a prefix like 10.1.0.0/16, and is "10.1.0.0"'],
    [{ subnet: '10.1.0.5/24' }, 'ranges[0][0].subnet: 10.1.0.5/24 has host bits set; write 10.1.0.0/24'],
    [{ subnet: '10.1.0.0/31' }, '10.1.0.0/31 is too small to allocate from; make it a /30 or larger'],
    [{ subnet: '10.1.0.0/32' }, 'too small'],
    [{ subnet: 'fd00::/127' }, 'too small to allocate from; make it a /126 or larger'],
    [{ subnet: '10.1.0.0/24', rangeStart: '10.2.0.1' }, 'ranges[0][0].rangeStart: 10.2.0.1 is not in subnet 10.1.0.0/24'],
    [{ subnet: '10.1.0.0/24', rangeEnd: 'fd00::1' }, 'rangeEnd: fd00::1 is not in subnet'],
    [{ subnet: '10.1.0.0/24', rangeEnd: true }, 'rangeEnd: must be an IP address, and is true'],
    [{ subnet: '10.1.0.0/24', rangeStart: '10.1.0.9', rangeEnd: '10.1.0.2' }, '10.1.0.9 is after rangeEnd 10.1.0.2'],
    [{ subnet: '10.1.0.0/24', gateway: 1 }, 'gateway: must be an IP address, and is 1'],
    [{ subnet: '10.1.0.0/24', gateway: 'fd00::1' }, 'gateway: fd00::1 is not of the family of subnet 10.1.0.0/24'],
  ])('%j is refused by the name of its key', (range, message) => {
    expect(() => set(range)).toThrow(expect.objectContaining({ cniCode: 7, message: expect.stringContaining(message) }));
  });

  it('that is no object is refused', () => {
    expect(() => readRange(new Keys('10.1.0.0/16', 'ipam'))).toThrow('ipam: must be an object, and is "10.1.0.0/16"');
  });
});

describe('a range set', () => {
  it('refuses ranges that overlap or mix families', () => {
    expect(() => set({ subnet: '10.1.0.0/16' }, { subnet: '10.1.2.0/24' })).toThrow('overlaps with ranges[0][0]');
    expect(() => set({ subnet: '10.1.0.0/16' }, { subnet: 'fd00::/64' })).toThrow('mixes IPv4 and IPv6');
  });

  it.each([[[]], [{ subnet: '10.1.0.0/16' }], ['10.1.0.0/16']])('refuses %j, which is no list of ranges', (value) => {
    expect(() => readRangeSet(value, 'ipam.ranges[0]')).toThrow('ipam.ranges[0]: must be a list of at least one range; write [[');
  });
});
