import { type Address, formatAddress, formatPrefix, type Prefix, sameAddress } from '@berth/sdk/cni/address';
import { PluginError } from '@berth/sdk/errors';
import { entriesOf, families, type PerFamily } from '../per-family.ts';

/** What a host tells the others about itself. */
export interface LeaseAttributes {
  /** Where other hosts reach it. */
  publicIp: PerFamily<Address>;
  /** flannel's name of the back end; undefined for udp, for which flannel writes none. */
  backendType?: string;
  /** What the back end of the others has to know besides, in its own shape. */
  backendData: PerFamily<unknown>;
}

/** A host's right to its subnets. */
export interface Lease {
  subnets: PerFamily<Prefix>;
  attributes: LeaseAttributes;
  /** Milliseconds since 1970. Undefined for one that doesn't end: a reservation. */
  expiresAt?: number;
}

/** Are these the same subnets? A lease is known by them. */
export function sameSubnets(a: PerFamily<Prefix>, b: PerFamily<Prefix>): boolean {
  return families.every((family) => samePrefix(a[family], b[family]));
}

/** Are these of one host? A host is known by its public address: IPv4 where it has one. */
export function sameHost(a: LeaseAttributes, b: LeaseAttributes): boolean {
  const [entry] = entriesOf(a.publicIp);
  if (!entry) return false;
  const [family, address] = entry;
  const other = b.publicIp[family];
  return other !== undefined && sameAddress(address, other);
}

/** The error of a host whose lease is its own no longer (ABORTED). */
export function leaseLost({ subnets }: Lease, what: string): PluginError {
  return new PluginError('ABORTED', what, {
    object: `lease of ${describeSubnets(subnets)}`,
    hint: 'start flanneld again: it takes a lease anew',
  });
}

/** The error of a host whose subnet is another's by now. */
export function leaseTaken(lease: Lease, { publicIp }: LeaseAttributes): PluginError {
  const [entry] = entriesOf(publicIp);
  return leaseLost(lease, `another host has taken it${entry ? `, ${formatAddress(entry[1])}` : ''}`);
}

/** The subnets as messages name them: `10.5.52.0/24 and fc00:0:0:1::/64`. */
export function describeSubnets(subnets: PerFamily<Prefix>): string {
  return entriesOf(subnets)
    .map(([, subnet]) => formatPrefix(subnet))
    .join(' and ');
}

function samePrefix(a: Prefix | undefined, b: Prefix | undefined): boolean {
  if (!a || !b) return a === b;
  return a.length === b.length && sameAddress(a.address, b.address);
}
