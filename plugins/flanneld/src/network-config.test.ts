import { formatAddress, formatPrefix } from '@berth/sdk/cni/address';
import { describe, expect, it } from 'vitest';
import { parseNetworkConfig } from './network-config.ts';

const parse = (config: unknown) => parseNetworkConfig(JSON.stringify(config), 'network configuration');

/** `network min max /length` of one family. */
function range(config: unknown, family: 4 | 6 = 4): string {
  const found = parse(config).ranges[family];
  return found ? `${formatPrefix(found.network)} ${formatAddress(found.min)} ${formatAddress(found.max)} /${found.length}` : 'none';
}

describe('a network configuration', () => {
  it.each([
    [{ Network: '10.5.0.0/16' }, '10.5.0.0/16 10.5.1.0 10.5.255.0 /24'],
    [{ Network: '10.5.7.9/22' }, '10.5.4.0/22 10.5.5.0 10.5.7.0 /24'],
    [{ Network: '10.5.0.0/23' }, '10.5.0.0/23 10.5.0.128 10.5.1.128 /25'],
    [{ Network: '10.5.0.0/28' }, '10.5.0.0/28 10.5.0.4 10.5.0.12 /30'],
    [{ Network: '10.0.0.0/8', SubnetLen: 20, SubnetMin: '10.10.0.0', SubnetMax: '10.99.0.0' }, '10.0.0.0/8 10.10.0.0 10.99.0.0 /20'],
    [{ Network: '10.5.0.0/16', SubnetLen: 0 }, '10.5.0.0/16 10.5.1.0 10.5.255.0 /24'],
  ])('%j gives %s', (config, expected) => {
    expect(range(config)).toBe(expected);
  });

  it.each([
    [{ IPv6Network: 'fd00:5::/48' }, 'fd00:5::/48 fd00:5:0:1:: fd00:5:0:ffff:: /64'],
    [{ IPv6Network: 'fd00:5::/64' }, 'fd00:5::/64 fd00:5:0:0:4000:: fd00:5:0:0:c000:: /66'],
    [{ IPv6Network: 'fd00:5::/48', IPv6SubnetLen: 56, IPv6SubnetMin: 'fd00:5:0:100::' }, 'fd00:5::/48 fd00:5:0:100:: fd00:5:0:ff00:: /56'],
  ])('%j gives %s for IPv6', (config, expected) => {
    expect(range({ EnableIPv4: false, EnableIPv6: true, ...config }, 6)).toBe(expected);
  });

  it('is for udp with iptables where it says nothing else', () => {
    expect(parse({ Network: '10.5.0.0/16' })).toMatchObject({ backendType: 'udp', enableNftables: false });
    const told = parse({ Network: '10.5.0.0/16', EnableNFTables: true, Backend: { Type: 'host-gw' } });
    expect(told).toMatchObject({ backendType: 'host-gw', enableNftables: true });
  });

  it.each([
    [{}, 'Network: must be an IPv4 network such as 10.5.0.0/16, and is nothing'],
    [{ Network: 'fd00::/48' }, 'Network: must be an IPv4 network'],
    [{ Network: 16 }, 'Network: must be a string, and is 16'],
    [{ Network: '10.5.0.0/29' }, 'Network: must have a prefix of at most /28, so that it holds four subnets, and is "10.5.0.0/29"'],
    [{ Network: '10.5.0.0/16', SubnetLen: 17 }, 'SubnetLen: must be from 18 to 30, so that 10.5.0.0/16 holds four subnets, and is 17'],
    [{ Network: '10.5.0.0/16', SubnetLen: 31 }, 'SubnetLen: must be a whole number from 0 to 30, and is 31'],
    [{ Network: '10.5.0.0/16', SubnetLen: '24' }, 'SubnetLen: must be a whole number'],
    [{ Network: '10.5.0.0/16', SubnetMin: '10.6.0.0' }, 'SubnetMin: must be an address of 10.5.0.0/16, and is "10.6.0.0"'],
    [{ Network: '10.5.0.0/16', SubnetMax: 'x' }, 'SubnetMax: must be an address of 10.5.0.0/16'],
    [{ Network: '10.5.0.0/16', SubnetMin: '10.5.1.9' }, 'SubnetMin: must be where a subnet starts, and 10.5.1.9 is not; write 10.5.1.0'],
    [{ Network: '10.5.0.0/16', SubnetMin: '10.5.9.0', SubnetMax: '10.5.3.0' }, 'SubnetMin: must not be above SubnetMax (10.5.3.0)'],
    [{ Network: '10.5.0.0/16', EnableIPv4: 'yes' }, 'EnableIPv4: must be true or false'],
    [{ Network: '10.5.0.0/16', EnableIPv4: false }, 'EnableIPv4: must be true where EnableIPv6 is not'],
    [{ Network: '10.5.0.0/16', EnableIPv6: true }, 'IPv6Network: must be an IPv6 network such as fd00:5::/48'],
    [{ Network: '10.5.0.0/16', EnableNFTables: 1 }, 'EnableNFTables: must be true or false'],
    [{ Network: '10.5.0.0/16', Backend: 'vxlan' }, 'Backend: must be an object'],
    [{ Network: '10.5.0.0/16', Backend: {} }, 'Backend.Type: must be one of vxlan, host-gw, udp, and is nothing'],
    [{ Network: '10.5.0.0/16', Backend: { Type: 'ipip' } }, 'Backend.Type: must be one of vxlan, host-gw, udp, and is "ipip"'],
  ])('%j is refused', (config, message) => {
    expect(() => parse(config)).toThrow(`network configuration.${message}`);
  });

  it.each(['', '{', '[]', 'null'])('that is no JSON object is refused: %j', (text) => {
    expect(() => parseNetworkConfig(text, 'network configuration /x')).toThrow(
      /^network configuration \/x: (is not JSON|must be an object)/,
    );
  });
});
