import { expect, it } from 'vitest';
import { type Counts, Tally } from './tally.ts';

it('counts by name what was answered, continued and not there', () => {
  const memory = Tally.memory();
  const tally = new Tally(memory);
  for (const [number, answer] of [
    [0, 'continue'],
    [0, 'continue'],
    [63, 0],
    [2, -2],
    [321, -38],
    [9999, -38],
  ] as const) {
    tally.begin();
    tally.end(number, answer);
  }
  const counts: Counts = { answered: { open: 1 }, continued: {}, unimplemented: {} };
  new Tally(memory).addTo(counts);
  expect(counts).toEqual({ answered: { uname: 1, open: 2 }, continued: { read: 2 }, unimplemented: { bpf: 1, unknown: 1 } });
});

it('goes on counting beyond 32 bits', () => {
  const memory = Tally.memory();
  new BigUint64Array(memory).fill(2n ** 32n - 1n);
  new Tally(memory).end(0, 'continue');
  const counts: Counts = { answered: {}, continued: {}, unimplemented: {} };
  new Tally(memory).addTo(counts);
  expect(counts.continued).toMatchObject({ read: 2 ** 32, write: 2 ** 32 - 1 });
});

it('is busy only during a call', () => {
  const tally = new Tally(Tally.memory());
  expect(tally.busySeconds()).toBe(0);
  tally.begin();
  expect(tally.busySeconds()).toBeLessThan(2);
  tally.end(0, 0);
  expect(tally.busySeconds()).toBe(0);
});
