import { describe, expect, it } from 'vitest';
import type { Address, Prefix } from './address.ts';
import { contains, formatAddress, formatPrefix, lastAddress, networkOf, overlap, parseAddress, parsePrefix, plus } from './address.ts';

const address = (text: string) => parseAddress(text) as Address;
const prefix = (text: string) => parsePrefix(text) as Prefix;

describe('addresses', () => {
  it.each([
    ['10.1.2.3', '10.1.2.3'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::', '::'],
  ])('%s is written as Go writes it: %s', (given, written) => {
    expect(formatAddress(address(given))).toBe(written);
  });

  it.each(['10.1.2', '10.1.2.256', '0x0a.1.2.3', '010.1.2.3', 'fe80::1%eth0', '', 7, undefined])('%j is no address', (given) => {
    expect(parseAddress(given)).toBeUndefined();
  });

  it.each(['10.1.2.3', '10.1.2.3/33', '10.1.2.3/', 'fd00::/129', '/24'])('%j is no prefix', (given) => {
    expect(parsePrefix(given)).toBeUndefined();
  });

  it.each([
    ['10.1.0.0/16', '10.1.2.0/24', true],
    ['10.1.2.3/24', '10.1.0.0/16', true],
    ['10.1.2.0/24', '10.1.3.0/24', false],
    ['0.0.0.0/0', '::/0', false],
  ])('%s and %s have addresses in common: %s', (a, b, common) => {
    expect(overlap(prefix(a), prefix(b))).toBe(common);
  });

  it('counts on from the end of one octet to the next', () => {
    expect(formatAddress(plus(address('10.1.2.255'), 1n))).toBe('10.1.3.0');
    expect(formatAddress(plus(address('fd00::ffff'), 1n))).toBe('fd00::1:0');
  });

  it('knows the first and the last address of a network', () => {
    expect(formatPrefix(networkOf(prefix('10.1.2.3/16')))).toBe('10.1.0.0/16');
    expect(formatAddress(lastAddress(prefix('10.1.2.3/16')))).toBe('10.1.255.255');
    expect(formatAddress(lastAddress(prefix('fd00::/120')))).toBe('fd00::ff');
  });

  it('contains only addresses of its own family and network', () => {
    expect(contains(prefix('10.1.0.0/16'), address('10.1.255.255'))).toBe(true);
    expect(contains(prefix('10.1.0.0/16'), address('10.2.0.0'))).toBe(false);
    expect(contains(prefix('::/0'), address('10.1.0.1'))).toBe(false);
  });
});
