import { describe, expect, it } from 'vitest';
import { Repeater } from './repeater.ts';

/** When each of so many runs began, in milliseconds from the first ask on; `work` is what each does. */
async function runsOf(count: number, work: (repeater: Repeater) => void): Promise<number[]> {
  const end = new AbortController();
  const begin = performance.now();
  const times: number[] = [];
  const repeater: Repeater = new Repeater({
    everyMs: 60_000,
    work: async () => {
      times.push(performance.now() - begin);
      if (times.length === count) end.abort();
      else work(repeater);
      return true;
    },
  });
  repeater.ask();
  repeater.ask();
  await repeater.run(end.signal);
  return times;
}

describe('repeated work', () => {
  it('is done once for what comes together, and soon', async () => {
    const [first = Number.POSITIVE_INFINITY, second = 0] = await runsOf(2, (repeater) => setTimeout(() => repeater.ask(), 300));
    expect(first).toBeLessThan(250);
    expect(second).toBeGreaterThan(300);
  });

  it('is done ever more seldom where it asks for itself', async () => {
    const [first = 0, , , fourth = 0] = await runsOf(4, (repeater) => repeater.ask());
    expect(fourth - first).toBeGreaterThan(650);
  });
});
