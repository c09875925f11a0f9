import { expect, it } from 'vitest';
import { Latest } from './latest.ts';

it('gives the newest value, and each newer one, to all who watch', async () => {
  const latest = new Latest<{ number: number }>();
  const over = new AbortController();
  expect(latest.value).toBeUndefined();
  const early = latest.watch(over.signal);
  const first = early.next();
  latest.publish({ number: 1 });
  expect((await first).value).toEqual({ number: 1 });
  latest.publish({ number: 2 });
  latest.publish({ number: 3 });
  const late = latest.watch(over.signal);
  expect([(await early.next()).value, (await late.next()).value, latest.value]).toEqual([{ number: 3 }, { number: 3 }, { number: 3 }]);
  const waiting = early.next();
  over.abort();
  expect(await waiting).toEqual({ done: true, value: undefined });
  expect(await late.next()).toEqual({ done: true, value: undefined });
});
