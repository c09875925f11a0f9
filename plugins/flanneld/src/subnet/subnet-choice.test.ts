import { formatPrefix, type Prefix, parsePrefix } from '@berth/sdk/cni/address';
import { describe, expect, it } from 'vitest';
import { parseNetworkConfig } from '../network-config.ts';
import { chooseSubnets, fits } from './subnet-choice.ts';

const config = parseNetworkConfig('{"Network": "10.5.0.0/20"}', 'test');
const dual = parseNetworkConfig('{"Network": "10.5.0.0/20", "EnableIPv6": true, "IPv6Network": "fd00:5::/60"}', 'test');

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (!parsed) throw new Error(text);
  return parsed;
}

const subnets = (ipv4: string, ipv6?: string) => ({ 4: prefix(ipv4), ...(ipv6 ? { 6: prefix(ipv6) } : {}) });
const first = () => 0;

describe('the choice of a subnet', () => {
  it('leaves out the first of the network and those that are taken, in part too', () => {
    const taken = [subnets('10.5.1.0/24'), subnets('10.5.2.128/25'), subnets('10.5.4.0/22')];
    const free = new Set<string>();
    for (let index = 0; index < 20; index++) {
      const chosen = chooseSubnets(config, taken, (below) => index % below);
      if (chosen?.[4]) free.add(formatPrefix(chosen[4]));
    }
    expect([...free].sort()).toEqual([3, 8, 9, 10, 11, 12, 13, 14, 15].map((part) => `10.5.${part}.0/24`).sort());
  });

  it('is among the first hundred', () => {
    let asked = 0;
    chooseSubnets(parseNetworkConfig('{"Network": "10.0.0.0/8"}', 'test'), [], (below) => {
      asked = below;
      return 0;
    });
    expect(asked).toBe(100);
  });

  it('gives none where a family has none left', () => {
    const taken = Array.from({ length: 15 }, (_, index) => subnets(`10.5.${index + 1}.0/24`));
    expect(chooseSubnets(config, taken, first)).toBeUndefined();
    expect(chooseSubnets(config, taken.slice(1), first)).toEqual(subnets('10.5.1.0/24'));
    const takenIpv6 = [subnets('10.5.1.0/24', 'fd00:5::/60')];
    expect(chooseSubnets(dual, takenIpv6, first)).toBeUndefined();
  });

  it('is one of each family', () => {
    expect(chooseSubnets(dual, [subnets('10.5.1.0/24', 'fd00:5:0:1::/64')], first)).toEqual(subnets('10.5.2.0/24', 'fd00:5:0:2::/64'));
  });
});

describe('subnets fit a configuration', () => {
  it.each([
    [subnets('10.5.3.0/24'), true],
    [subnets('10.5.3.0/25'), false],
    [subnets('10.6.3.0/24'), false],
    [subnets('10.5.0.0/24'), false],
    [subnets('10.5.3.0/24', 'fd00:5:0:1::/64'), false],
    [{}, false],
  ])('%#', (candidate, expected) => {
    expect(fits(config, candidate)).toBe(expected);
  });

  it('of both families with one of each only', () => {
    expect(fits(dual, subnets('10.5.3.0/24', 'fd00:5:0:1::/64'))).toBe(true);
    expect(fits(dual, subnets('10.5.3.0/24'))).toBe(false);
  });
});
