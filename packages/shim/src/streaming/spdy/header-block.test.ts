import { createHash } from 'node:crypto';
import { headerDictionary } from '@berth/sdk/spdy-header-dictionary';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeaderPacker, HeaderUnpacker } from './header-block.ts';

describe('header blocks', () => {
  it('are primed with the dictionary of the specification', () => {
    expect(headerDictionary).toHaveLength(1423);
    const digest = createHash('sha256').update(headerDictionary).digest('hex');
    expect(digest).toBe('51d27341373f923f3cd88e1eb7162aeaa3723d7585ff2399201dc06498407f02');
  });

  it('come out as they went in, one after the other', async () => {
    const names = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.dictionary(names, fc.string({ unit: 'grapheme' })), { maxLength: 5 }), async (blocks) => {
        const [packer, unpacker] = [new HeaderPacker(), new HeaderUnpacker()];
        for (const headers of blocks) expect({ ...(await unpacker.unpack(await packer.pack(headers))) }).toEqual(headers);
        packer.close();
        unpacker.close();
      }),
      { numRuns: 50 },
    );
  });

  it('of garbage are an error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (garbage) => {
        const unpacker = new HeaderUnpacker();
        await expect(unpacker.unpack(garbage)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
        unpacker.close();
      }),
      { numRuns: 50 },
    );
  });

  it('that unpack to more than 64 KiB are an error', async () => {
    const [packer, unpacker] = [new HeaderPacker(), new HeaderUnpacker()];
    const block = Buffer.concat([await packer.pack({ some: 'x'.repeat(50_000) }), await packer.pack({ more: 'x'.repeat(50_000) })]);
    expect(block.length).toBeLessThan(1000);
    await expect(unpacker.unpack(block)).rejects.toThrow(/more than 64 KiB of headers/);
  });
});
