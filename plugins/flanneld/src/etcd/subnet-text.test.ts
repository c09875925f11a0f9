import { formatPrefix, type Prefix, parseAddress, parsePrefix } from '@berth/sdk/cni/address';
import { describe, expect, it } from 'vitest';
import { entriesOf } from '../per-family.ts';
import { formatAttributes, formatSubnetKey, parseAttributes, parseSubnetKey } from './subnet-text.ts';

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (!parsed) throw new Error(text);
  return parsed;
}

describe('the key of a lease', () => {
  it.each([
    ['10.5.52.0-24', ['10.5.52.0/24']],
    ['10.5.52.0-24&fc00:0:0:1::-64', ['10.5.52.0/24', 'fc00:0:0:1::/64']],
  ])('%s names %j', (key, expected) => {
    const subnets = parseSubnetKey(key) ?? {};
    expect(entriesOf(subnets).map(([, subnet]) => formatPrefix(subnet))).toEqual(expected);
    expect(formatSubnetKey(subnets)).toBe(key);
  });

  it.each(['', '10.5.52.0', '10.5.52.0-33', '10.5.52-24', '10.5.52.0-24&', '10.5.52.0-24&10.5.52.0-24', 'x/10.5.52.0-24', 'fc00::-64'])(
    '%j names none',
    (key) => {
      expect(parseSubnetKey(key)).toBeUndefined();
    },
  );

  it('has an IPv4 subnet', () => {
    expect(() => formatSubnetKey({ 6: prefix('fc00::/64') })).toThrow('EnableIPv4: etcd keeps hosts by their IPv4 subnets');
  });
});

describe('the value of a lease', () => {
  const vxlan =
    '{"PublicIP":"192.168.0.1","PublicIPv6":"fd00::1","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:01"},"BackendV6Data":{"VNI":1,"VtepMAC":"02:00:00:00:00:02"}}';

  it.each([vxlan, '{"PublicIP":"192.168.0.1","PublicIPv6":null}'])('is read and written as flannel does: %s', (text) => {
    const attributes = parseAttributes(text);
    expect(attributes && formatAttributes(attributes)).toBe(text);
  });

  it('has addresses of their families', () => {
    expect(parseAttributes('{"PublicIP":"fd00::1","PublicIPv6":"192.168.0.1"}')).toEqual({ publicIp: {}, backendData: {} });
    expect(parseAttributes(vxlan)?.publicIp).toEqual({ 4: parseAddress('192.168.0.1'), 6: parseAddress('fd00::1') });
  });

  it.each(['', '[]', 'x'])('%j is none', (text) => {
    expect(parseAttributes(text)).toBeUndefined();
  });
});
