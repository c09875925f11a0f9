import { describe, expect, it } from 'vitest';
import type { Clock } from '../clock.ts';
import { type PullLimitOptions, PullLimits } from './pull-limits.ts';

let time = 0;
const clock: Clock = { now: () => new Date(time), after: () => () => undefined };
const never = new AbortController().signal;

/** How many of `count` pulls run at once. */
async function runningOf(count: number, options: Partial<PullLimitOptions>): Promise<number> {
  const limits = new PullLimits(options, clock);
  const release = Promise.withResolvers<void>();
  let [running, most] = [0, 0];
  const pulls = Array.from({ length: count }, () =>
    limits.inTurn(async () => {
      most = Math.max(most, ++running);
      await release.promise;
      running--;
    }, never),
  );
  await Promise.resolve();
  release.resolve();
  await Promise.all(pulls);
  return most;
}

describe('pulls at a time', () => {
  it.each<[what: string, options: Partial<PullLimitOptions>, most: number]>([
    ['one', {}, 1],
    ['one, whatever maxParallelImagePulls says', { serializeImagePulls: true, maxParallelImagePulls: 3 }, 1],
    ['as many as maxParallelImagePulls says', { serializeImagePulls: false, maxParallelImagePulls: 3 }, 3],
    ['all', { serializeImagePulls: false }, 5],
  ])('%s', async (_what, options, most) => {
    expect(await runningOf(5, options)).toBe(most);
  });

  it('one that fails gives its turn on, in the order they came', async () => {
    const limits = new PullLimits({}, clock);
    const order: [number, boolean][] = [];
    const pulls = [1, 2, 3].map((number) =>
      limits.inTurn(async (waited) => {
        order.push([number, waited]);
        if (number === 1) throw new Error('broken');
      }, never),
    );
    expect((await Promise.allSettled(pulls)).map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(order).toEqual([
      [1, false],
      [2, true],
      [3, true],
    ]);
  });

  it('one that is given up while it waits takes no turn', async () => {
    const limits = new PullLimits({}, clock);
    const [first, stop] = [Promise.withResolvers<void>(), new AbortController()];
    const pulls = [
      limits.inTurn(() => first.promise, never),
      limits.inTurn(async () => undefined, stop.signal),
      limits.inTurn(async () => undefined, never),
    ];
    stop.abort(new Error('given up'));
    first.resolve();
    expect((await Promise.allSettled(pulls)).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });
});

it('pulls in a time: a burst, then so many a second', () => {
  const limits = new PullLimits({ registryPullQPS: 2, registryBurst: 3 }, clock);
  const taken = () => {
    let count = 0;
    try {
      for (; count < 100; count++) limits.takeToken();
    } catch (error) {
      expect(String(error)).toContain('pull QPS exceeded');
    }
    return count;
  };
  expect(taken()).toBe(3);
  time += 1000;
  expect(taken()).toBe(2);
  time += 60_000;
  expect(taken()).toBe(3);
});

it('registryPullQPS 0 is no limit', () => {
  const limits = new PullLimits({ registryPullQPS: 0 }, clock);
  for (let count = 0; count < 100; count++) limits.takeToken();
});
