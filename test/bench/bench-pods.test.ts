import { describe, expect, it } from 'vitest';
import { concurrently } from './bench-pods.ts';

describe('concurrently', () => {
  it('gives the results in the order of the items, so many at a time', async () => {
    let most = 0;
    let running = 0;
    const doubled = await concurrently([1, 2, 3, 4, 5], 2, async (item) => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
      return item * 2;
    });
    expect([doubled, most]).toEqual([[2, 4, 6, 8, 10], 2]);
  });

  it('begins nothing more after a failure, and throws it when what was begun has ended', async () => {
    const slow = Promise.withResolvers<void>();
    const begun: string[] = [];
    let settled = false;
    const run = concurrently(['slow', 'failing', 'third', 'fourth'], 2, async (item) => {
      begun.push(item);
      if (item === 'failing') throw new Error('it fails');
      await slow.promise;
    });
    const failed = expect(run.finally(() => (settled = true))).rejects.toThrow('it fails');
    await new Promise(setImmediate);
    expect(settled).toBe(false);
    slow.resolve();
    await failed;
    expect(begun).toEqual(['slow', 'failing']);
  });
});
