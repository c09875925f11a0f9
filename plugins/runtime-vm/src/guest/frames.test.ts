import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader, frame } from './frames.ts';

describe('FrameReader', () => {
  it('finds all messages, however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 30 })),
        (messages, cuts) => {
          const stream = Buffer.concat(messages.map(frame));
          const reader = new FrameReader();
          const found: Buffer[] = [];
          let start = 0;
          for (const cut of [...cuts, stream.length]) {
            found.push(...reader.push(stream.subarray(start, start + cut)));
            start += cut;
          }
          expect(found).toEqual(messages.map((message) => Buffer.from(message)));
        },
      ),
    );
  });

  it('refuses a length that nobody sends', () => {
    expect(() => new FrameReader().push(Buffer.of(0xff, 0, 0, 0))).toThrow('guest port: a frame of 4278190080 bytes');
  });
});
