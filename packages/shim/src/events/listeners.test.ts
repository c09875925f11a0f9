import { describe, expect, it } from 'vitest';
import { Listeners } from './listeners.ts';

const signal = AbortSignal.timeout(10_000);

async function take(events: AsyncGenerator<number>, count: number): Promise<number[]> {
  const taken: number[] = [];
  while (taken.length < count) taken.push((await events.next()).value as number);
  return taken;
}

describe('Listeners', () => {
  it('tells each listener, in order, what came since it began to listen', async () => {
    const listeners = new Listeners<number>();
    const [early, late] = [listeners.listen(signal), listeners.listen(signal)];
    const first = early.next();
    listeners.tell(1);
    const second = late.next();
    listeners.tell(2);
    listeners.tell(3);
    expect([(await first).value, ...(await take(early, 2))]).toEqual([1, 2, 3]);
    expect([(await second).value, ...(await take(late, 1))]).toEqual([2, 3]);
  });

  it('ends one that reads too slowly by RESOURCE_EXHAUSTED, without a gap in what it was told; others go on', async () => {
    const listeners = new Listeners<number>(2);
    const [slow, quick] = [listeners.listen(signal), listeners.listen(signal)];
    const firsts = [slow.next(), quick.next()];
    listeners.tell(0);
    await Promise.all(firsts);
    for (const event of [1, 2, 3, 4]) {
      const next = quick.next();
      listeners.tell(event);
      expect((await next).value).toBe(event);
    }
    expect(await take(slow, 2)).toEqual([1, 2]);
    await expect(slow.next()).rejects.toThrow(expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }));
    await quick.return(undefined);
    expect(listeners.any).toBe(false);
  });

  it('ends when its listener is aborted, and keeps nothing for it', async () => {
    const listeners = new Listeners<number>();
    const controller = new AbortController();
    const next = listeners.listen(controller.signal).next();
    controller.abort();
    expect((await next).done).toBe(true);
    expect(listeners.any).toBe(false);
  });
});
