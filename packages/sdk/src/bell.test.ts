import { expect, it } from 'vitest';
import { Bell } from './bell.ts';

/** Whether a wait is over by the time that all that was due has been done. */
async function isOver(wait: Promise<void>): Promise<boolean> {
  const turn = new Promise<false>((resolve) => setImmediate(resolve, false));
  return Promise.race([wait.then(() => true), turn]);
}

it('rings that nobody waited for end one wait', async () => {
  const bell = new Bell();
  bell.ring();
  bell.ring();
  expect([await isOver(bell.wait()), await isOver(bell.wait())]).toEqual([true, false]);
});

it('a ring ends the wait that has begun', async () => {
  const bell = new Bell();
  const wait = bell.wait();
  bell.ring();
  expect(await isOver(wait)).toBe(true);
});

it('an abort ends the wait, also one that came before', async () => {
  const bell = new Bell();
  const reader = new AbortController();
  const wait = bell.wait(reader.signal);
  reader.abort();
  expect([await isOver(wait), await isOver(bell.wait(reader.signal)), await isOver(bell.wait())]).toEqual([true, true, false]);
});
