import { formatAddress, formatPrefix, networkOf, type Prefix, parseAddress, parsePrefix } from '@berth/sdk/cni/address';
import { parseObject } from '@berth/sdk/cni/types';
import { PluginError } from '@berth/sdk/errors';
import { type PerFamily, perFamily } from '../per-family.ts';
import type { LeaseAttributes } from '../subnet/lease.ts';

/** What there is for IPv4, which keys of etcd can't do without. Throws INVALID_ARGUMENT where there is nothing. */
export function requireIpv4<Value>(values: PerFamily<Value>): Value {
  const value = values[4];
  if (value !== undefined) return value;
  throw new PluginError('INVALID_ARGUMENT', 'etcd keeps hosts by their IPv4 subnets, and IPv4 is not enabled', {
    object: 'EnableIPv4',
    hint: 'enable it in the network configuration',
  });
}

/** The last part of a lease's key, as flannel writes it: `10.5.52.0-24`, with IPv6 `10.5.52.0-24&fc00:0:0:1::-64`. */
export function formatSubnetKey(subnets: PerFamily<Prefix>): string {
  const [ipv4, ipv6] = [requireIpv4(subnets), subnets[6]];
  return [ipv4, ...(ipv6 ? [ipv6] : [])].map((prefix) => formatPrefix(prefix).replace('/', '-')).join('&');
}

/** The subnets that a key names; undefined for a key of another kind. */
export function parseSubnetKey(key: string): PerFamily<Prefix> | undefined {
  const [, ipv4, ipv4Length, ipv6, ipv6Length] = /^([\d.]+)-(\d+)(?:&([\da-f:]+)-(\d+))?$/.exec(key) ?? [];
  const first = parsePrefix(`${ipv4}/${ipv4Length}`);
  if (first?.address.family !== 4) return undefined;
  if (ipv6 === undefined) return { 4: networkOf(first) };
  const second = parsePrefix(`${ipv6}/${ipv6Length}`);
  return second?.address.family === 6 ? { 4: networkOf(first), 6: networkOf(second) } : undefined;
}

/** The value of a lease's key, as flannel writes it. */
export function formatAttributes({ publicIp, backendType, backendData }: LeaseAttributes): string {
  return JSON.stringify({
    PublicIP: publicIp[4] ? formatAddress(publicIp[4]) : '0.0.0.0',
    PublicIPv6: publicIp[6] ? formatAddress(publicIp[6]) : null,
    ...(backendType === undefined ? {} : { BackendType: backendType }),
    ...(backendData[4] === undefined ? {} : { BackendData: backendData[4] }),
    ...(backendData[6] === undefined ? {} : { BackendV6Data: backendData[6] }),
  });
}

/** Reads such a value; undefined where it is no host's. */
export function parseAttributes(text: string): LeaseAttributes | undefined {
  const value = parseObject(text);
  if (!value) return undefined;
  const texts = { 4: value.PublicIP, 6: value.PublicIPv6 };
  const data = { 4: value.BackendData, 6: value.BackendV6Data };
  const publicIp = perFamily((family) => {
    const address = parseAddress(texts[family]);
    return address?.family === family && address.value !== 0n ? address : undefined;
  });
  return {
    publicIp,
    ...(typeof value.BackendType === 'string' && value.BackendType !== '' ? { backendType: value.BackendType } : {}),
    backendData: perFamily((family) => data[family] ?? undefined),
  };
}
