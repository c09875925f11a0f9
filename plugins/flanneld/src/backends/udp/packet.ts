/** An IPv4 header without options, in bytes (RFC 791). Offsets of its fields follow. */
export const headerBytes = 20;
const totalLength = 2;
const fragmentOffset = 6;
const timeToLive = 8;
const protocol = 9;
const checksumAt = 10;
const source = 12;
const destination = 16;

const icmpHeaderBytes = 8;
/** An ICMP error tells the offending packet's header and so many bytes after it (RFC 792). */
const quotedBytes = 8;
const protocolIcmp = 1;
const destinationUnreachable = 3;
/** What flannel gives the errors that it sends. */
const errorTimeToLive = 8;

/** Where an IPv4 packet goes, as a number of 32 bits without sign. */
export function destinationOf(packet: Uint8Array): number {
  return readUint32(packet, destination);
}

/** Takes one from a packet's time to live and keeps its checksum right (RFC 1624); false where its time is over and it must be dropped. */
export function decrementTimeToLive(packet: Uint8Array): boolean {
  const left = (packet[timeToLive] ?? 0) - 1;
  if (left <= 0) return false;
  packet[timeToLive] = left;
  const sum = readUint16(packet, checksumAt) + 0x100;
  writeUint16(packet, checksumAt, (sum + (sum >= 0xffff ? 1 : 0)) & 0xffff);
  return true;
}

/**
 * The ICMP error that tells a packet's sender that its destination's network can't be reached, sent by `from`; undefined for a packet of which
 * no error may be told: one that is ICMP itself, a fragment but the first, or too short (RFC 1122, 3.2.2).
 */
export function networkUnreachable(packet: Uint8Array, from: number): Uint8Array | undefined {
  const header = ((packet[0] ?? 0) & 0x0f) * 4;
  const isLaterFragment = (readUint16(packet, fragmentOffset) & 0x1fff) !== 0;
  if (packet[protocol] === protocolIcmp || isLaterFragment || header < headerBytes || packet.length < header + quotedBytes)
    return undefined;
  const quoted = packet.subarray(0, header + quotedBytes);
  const error = new Uint8Array(headerBytes + icmpHeaderBytes + quoted.length);
  error[0] = 0x45;
  writeUint16(error, totalLength, error.length);
  error[timeToLive] = errorTimeToLive;
  error[protocol] = protocolIcmp;
  writeUint32(error, source, from);
  error.set(packet.subarray(source, source + 4), destination);
  writeUint16(error, checksumAt, checksum(error.subarray(0, headerBytes)));
  error[headerBytes] = destinationUnreachable;
  error.set(quoted, headerBytes + icmpHeaderBytes);
  writeUint16(error, headerBytes + 2, checksum(error.subarray(headerBytes)));
  return error;
}

/** The Internet checksum (RFC 1071). */
export function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function readUint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function readUint32(bytes: Uint8Array, at: number): number {
  return ((readUint16(bytes, at) << 16) | readUint16(bytes, at + 2)) >>> 0;
}

function writeUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value & 0xff;
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  writeUint16(bytes, at, value >>> 16);
  writeUint16(bytes, at + 2, value & 0xffff);
}
