import { expect, it } from 'vitest';
import { RegistrationPauses } from './registration-pauses.ts';

const upTo30s = { firstMs: 1000, longestMs: 30_000 };

it('waits longer each time that the same kubelet gives the plugin up, as long as it is told at most', () => {
  const pauses = new RegistrationPauses();
  let now = 5000;
  expect(pauses.left('a', now)).toBe(0);
  const waited = Array.from({ length: 8 }, () => {
    pauses.registered(now);
    pauses.lost(now, upTo30s);
    const left = pauses.left('a', now);
    now += left;
    return left;
  });
  expect(waited).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  expect(pauses.left('a', now)).toBe(0);
});

it('counts down', () => {
  const pauses = new RegistrationPauses();
  pauses.left('a', 0);
  pauses.lost(100, upTo30s);
  expect([pauses.left('a', 100), pauses.left('a', 700), pauses.left('a', 1100), pauses.left('a', 9000)]).toEqual([1000, 400, 0, 0]);
});

it('waits for no kubelet that is new', () => {
  const pauses = new RegistrationPauses();
  pauses.left('a', 0);
  pauses.lost(0, upTo30s);
  pauses.lost(0, upTo30s);
  expect(pauses.left('b', 10)).toBe(0);
  pauses.lost(10, upTo30s);
  expect(pauses.left('b', 10)).toBe(1000);
});

it.each([
  [599_999, 4000],
  [600_000, 1000],
])('after a registration that lasted %i ms it waits %i ms', (lasted, pause) => {
  const pauses = new RegistrationPauses();
  pauses.left('a', 0);
  pauses.lost(0, upTo30s);
  pauses.lost(0, upTo30s);
  pauses.registered(10_000);
  pauses.lost(10_000 + lasted, upTo30s);
  expect(pauses.left('a', 10_000 + lasted)).toBe(pause);
});

it('begins as short as it is told, and grows from what it was before', () => {
  const pauses = new RegistrationPauses();
  pauses.left('a', 0);
  const waited = [100, 100, 1000, 100].map((firstMs) => {
    pauses.lost(0, { firstMs, longestMs: 30_000 });
    return pauses.left('a', 0);
  });
  expect(waited).toEqual([100, 200, 1000, 2000]);
});
