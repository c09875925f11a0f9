import ipaddr from 'ipaddr.js';

/** An IP address as a number, so that ranges can be counted through. An IPv4 address mapped into IPv6 is an IPv4 address. */
export interface Address {
  family: 4 | 6;
  value: bigint;
}

/** An address with the length of its network's prefix: `10.1.2.3/16`. */
export interface Prefix {
  address: Address;
  length: number;
}

/** Reads an IPv4 (four decimal parts) or IPv6 address; undefined where it is neither. */
export function parseAddress(text: unknown): Address | undefined {
  if (typeof text !== 'string' || text.includes('%')) return undefined;
  if (!ipaddr.IPv4.isValidFourPartDecimal(text) && !ipaddr.IPv6.isValid(text)) return undefined;
  const parsed = ipaddr.process(text);
  const value = parsed.toByteArray().reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return { family: parsed.kind() === 'ipv4' ? 4 : 6, value };
}

/** Reads `ADDRESS/LENGTH`; undefined where it is anything else. */
export function parsePrefix(text: unknown): Prefix | undefined {
  const match = typeof text === 'string' ? /^([^/]+)\/(\d{1,3})$/.exec(text) : null;
  const address = parseAddress(match?.[1]);
  const length = Number(match?.[2]);
  return address && length <= bits(address) ? { address, length } : undefined;
}

/** The canonical text (RFC 5952), which is also what Go's `net.IP` writes. */
export function formatAddress(address: Address): string {
  const last = bits(address) / 8 - 1;
  const bytes = Array.from({ length: last + 1 }, (_, index) => Number((address.value >> BigInt(8 * (last - index))) & 255n));
  return ipaddr.fromByteArray(bytes).toString();
}

export function formatPrefix({ address, length }: Prefix): string {
  return `${formatAddress(address)}/${length}`;
}

/** How many bits an address of this family has. */
export function bits({ family }: { family: 4 | 6 }): number {
  return family === 4 ? 32 : 128;
}

/** The first address of the prefix: the network's own. */
export function networkAddress(prefix: Prefix): Address {
  return { family: prefix.address.family, value: prefix.address.value & ~hostMask(prefix) };
}

/** The last address of the prefix: with IPv4 the broadcast address. */
export function lastAddress(prefix: Prefix): Address {
  return { family: prefix.address.family, value: prefix.address.value | hostMask(prefix) };
}

/** The network of an address: `10.1.2.3/16` lies in `10.1.0.0/16`. */
export function networkOf(prefix: Prefix): Prefix {
  return { address: networkAddress(prefix), length: prefix.length };
}

export function contains(prefix: Prefix, address: Address): boolean {
  return (
    prefix.address.family === address.family && networkAddress({ address, length: prefix.length }).value === networkAddress(prefix).value
  );
}

/** The address `count` after this one. */
export function plus({ family, value }: Address, count: bigint): Address {
  return { family, value: value + count };
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.family === b.family && a.value === b.value;
}

function hostMask({ address, length }: Prefix): bigint {
  return (1n << BigInt(bits(address) - length)) - 1n;
}
