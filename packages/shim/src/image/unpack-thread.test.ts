import { randomBytes } from 'node:crypto';
import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LayerEntry } from '@berth/conformance/image-builder';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TestLayers, unpackingNeeds } from '../../testing/test-layers.ts';
import { unpackLayer } from './unpack.ts';

const signal = AbortSignal.timeout(60_000);
/** So large, packed, that another thread unpacks it. */
const ballast: LayerEntry = { type: 'file', path: 'ballast', content: randomBytes(1_000_000) };

describe.skipIf(unpackingNeeds)(`unpacking by another thread${unpackingNeeds ? ` (${unpackingNeeds})` : ''}`, () => {
  let layers: TestLayers;

  beforeEach(() => {
    layers = new TestLayers();
  });
  afterEach(() => {
    layers.remove();
  });

  it('unpacks the same', async () => {
    const { at, size } = await layers.unpack([
      { type: 'directory', path: 'd' },
      ballast,
      { type: 'hard-link', path: 'd/link', target: 'ballast' },
    ]);
    expect(size).toEqual({ bytes: 1_000_000, inodes: 3 });
    expect(await readFile(at('d/link'))).toEqual(ballast.content);
  });

  it('says what is wrong as this one does', async () => {
    await expect(layers.unpack([ballast, { type: 'file', path: '../x', content: '' }])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/^layer sha256:\w+: entry "\.\.\/x": the path "\.\.\/x" leads outside the layer; build/),
    });
  });

  it('keeps the code of a system call that failed', async () => {
    const layer = await layers.make([ballast]);
    await expect(unpackLayer({ ...layer, lowers: [] }, join(layers.directory, 'missing/fs'), signal)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      cause: { code: 'ENOENT' },
    });
  });

  it('unpacks several layers at once, and the others when one is broken', async () => {
    const [good, bad] = [await layers.make([ballast]), await layers.make([ballast, { type: 'file', path: '/x', content: '' }])];
    const unpacked = [bad, good, good].map((layer) => unpackLayer({ ...layer, lowers: [] }, layers.fresh(), signal));
    expect((await Promise.allSettled(unpacked)).map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
  });

  it("doesn't begin when its signal is aborted before", async () => {
    const layer = await layers.make([ballast]);
    const aborted = new AbortController();
    const target = layers.fresh();
    const ended = unpackLayer({ ...layer, lowers: [] }, target, aborted.signal);
    // The size of the layer is being asked for.
    aborted.abort();
    await expect(ended).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(lstat(target)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('ends when its signal is aborted meanwhile', async () => {
    const chunks = function* () {
      for (let count = 0; count < 100; count++) yield randomBytes(1_000_000);
    };
    const layer = await layers.make([{ type: 'file', path: 'large', content: { size: 100_000_000, chunks } }], 'none');
    const aborted = new AbortController();
    const target = layers.fresh();
    const ended = unpackLayer({ ...layer, lowers: [] }, target, aborted.signal);
    await vi.waitUntil(() => lstat(join(target, 'large')).catch(() => undefined), { timeout: 10_000, interval: 5 });
    aborted.abort();
    await expect(ended).rejects.toMatchObject({ code: 'CANCELLED' });
    expect((await lstat(join(target, 'large'))).size).toBeLessThan(100_000_000);
  });
});
