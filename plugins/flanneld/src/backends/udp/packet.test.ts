import { describe, expect, it } from 'vitest';
import { checksum, decrementTimeToLive, destinationOf, networkUnreachable } from './packet.ts';

/** An IPv4 packet with a right checksum. */
function packet({ ttl = 64, protocol = 6, fragment = 0, payload = 20 } = {}): Buffer {
  const bytes = Buffer.alloc(20 + payload, 0xab);
  bytes.set([0x45, 0, 0, bytes.length, 0x12, 0x34, fragment >> 8, fragment & 0xff, ttl, protocol, 0, 0, 10, 5, 1, 2, 10, 5, 2, 3]);
  bytes.writeUInt16BE(checksum(bytes.subarray(0, 20)), 10);
  return bytes;
}

describe('a packet', () => {
  it('goes to its destination', () => {
    expect(destinationOf(packet())).toBe(0x0a050203);
  });

  it('keeps a right checksum, whatever its time to live becomes', () => {
    const bytes = packet({ ttl: 255 });
    for (let ttl = 254; ttl > 0; ttl--) {
      expect(decrementTimeToLive(bytes)).toBe(true);
      expect(bytes[8]).toBe(ttl);
      // Over a header with its checksum the sum is zero.
      expect(checksum(bytes.subarray(0, 20))).toBe(0);
    }
    expect(decrementTimeToLive(bytes)).toBe(false);
  });

  it('without a way is told of to its sender', () => {
    const offending = packet();
    const error = Buffer.from(networkUnreachable(offending, 0x0a050100) ?? []);
    expect(error.length).toBe(20 + 8 + 28);
    expect(error.readUInt16BE(2)).toBe(error.length);
    expect([error[8], error[9]]).toEqual([8, 1]);
    expect([error.readUInt32BE(12), error.readUInt32BE(16)]).toEqual([0x0a050100, 0x0a050102]);
    expect([error[20], error[21]]).toEqual([3, 0]);
    expect(error.subarray(28)).toEqual(offending.subarray(0, 28));
    expect(checksum(error.subarray(0, 20))).toBe(0);
    expect(checksum(error.subarray(20))).toBe(0);
  });

  it.each([
    ['ICMP', packet({ protocol: 1 })],
    ['a later fragment', packet({ fragment: 0x2001 })],
    ['too short', packet({ payload: 7 })],
  ])('without a way that is %s is told of to nobody', (_, offending) => {
    expect(networkUnreachable(offending, 1)).toBeUndefined();
  });
});
