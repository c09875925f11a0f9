import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, type Frame, FrameReader } from './frames.ts';

const id = fc.integer({ min: 1, max: 0x7fffffff });
const bytes = fc.uint8Array({ maxLength: 300 });
const word = fc.integer({ min: 0, max: 0xffffffff });

const frame: fc.Arbitrary<Exclude<Frame, { type: 'ignored' }>> = fc.oneof(
  fc.record({ type: fc.constant('data' as const), streamId: id, fin: fc.boolean(), data: bytes }),
  fc.record({
    type: fc.constantFrom('synStream' as const, 'synReply' as const, 'headers' as const),
    streamId: id,
    fin: fc.boolean(),
    headers: bytes,
  }),
  fc.record({ type: fc.constant('rstStream' as const), streamId: id, status: word }),
  fc.record({ type: fc.constant('ping' as const), id: word }),
  fc.record({ type: fc.constant('goAway' as const), lastStreamId: id, status: word }),
);

/** Pieces of a data frame put together again, so that frames compare whatever pieces they came in. */
function joined(frames: Frame[]): unknown[] {
  const all: { type: string; streamId?: number; fin?: boolean; data?: Buffer; headers?: Uint8Array }[] = [];
  let open = false;
  for (const read of frames) {
    const last = all.at(-1);
    if (read.type === 'data' && open && last?.data) {
      last.data = Buffer.concat([last.data, read.data]);
      last.fin = read.fin;
    } else {
      const copy = 'headers' in read ? { ...read, headers: Buffer.from(read.headers) } : read;
      all.push('data' in copy ? { ...copy, data: Buffer.from(copy.data) } : copy);
    }
    open = read.type === 'data';
  }
  return all;
}

describe('FrameReader', () => {
  it('reads what was written, in whatever pieces it comes', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (frames, sizes) => {
        // Data frames that follow each other are told apart by a ping.
        const separate = frames.flatMap((written, index) => [written, { type: 'ping', id: index } as const]);
        const wire = Buffer.concat(separate.map(encodeFrame));
        const reader = new FrameReader();
        const read: Frame[] = [];
        for (let at = 0, turn = 0; at < wire.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          for (const found of reader.read(wire.subarray(at, at + size))) {
            read.push(found.type === 'data' ? { ...found, data: Buffer.from(found.data) } : found);
          }
          at += size;
        }
        expect(joined(read)).toEqual(joined(separate));
      }),
    );
  });

  it('reads garbage to an error or to nothing, and keeps little of it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (garbage) => {
        const reader = new FrameReader();
        try {
          expect([...reader.read(garbage)].length).toBeLessThanOrEqual(garbage.length);
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
        }
      }),
      { numRuns: 500 },
    );
  });

  it('hands on the data of a frame that is not complete', () => {
    const reader = new FrameReader();
    const wire = encodeFrame({ type: 'data', streamId: 1, fin: true, data: Buffer.from('abcdef') });
    expect([...reader.read(wire.subarray(0, 10))]).toMatchObject([{ fin: false, data: Buffer.from('ab') }]);
    expect([...reader.read(wire.subarray(10))]).toMatchObject([{ fin: true, data: Buffer.from('cdef') }]);
  });

  it('refuses control frames that are too long, too short, or of another version', () => {
    const head = (kind: number, length: number, version = 3) =>
      Buffer.from([0x80, version, 0, kind, 0, length >> 16, (length >> 8) & 255, length & 255]);
    const read = (wire: Buffer) => () => [...new FrameReader().read(wire)];
    expect(read(head(1, 0x10001))).toThrow(/65537 bytes/);
    expect(read(head(1, 9))).toThrow(/kind 1 with 9 bytes/);
    expect(read(head(1, 20, 2))).toThrow(/version 2 of SPDY/);
  });

  it('reads over SETTINGS and WINDOW_UPDATE', () => {
    const windowUpdate = Buffer.from([0x80, 3, 0, 9, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 16, 0]);
    expect([...new FrameReader().read(windowUpdate)]).toEqual([{ type: 'ignored', kind: 9 }]);
  });
});
