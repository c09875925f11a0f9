import { pino } from 'pino';
import { expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.ts';
import { PeriodicGc } from './periodic-gc.ts';

const log = pino({ level: 'silent' });

it('takes a turn after each period, and tells of a second failure in a row', async () => {
  const clock = new ManualClock();
  const outcomes = [undefined, 'first', 'second', undefined, 'third'];
  const told: string[] = [];
  let turns = 0;
  const collect = async () => {
    const outcome = outcomes[turns++];
    if (outcome) throw new Error(outcome);
  };
  const gc = new PeriodicGc({ collector: { collect }, periodMs: 1000, name: 'x', clock, log, onFailure: (message) => told.push(message) });
  gc.start();
  await clock.pass(999);
  expect(turns).toBe(0);
  await clock.pass(4001);
  expect([turns, told]).toEqual([5, ['second']]);
  await gc.stop();
  await clock.pass(5000);
  expect(turns).toBe(5);
});

it('a stop ends the turn that is under way, and waits for it', async () => {
  const clock = new ManualClock();
  let ended = false;
  const collect = async (signal: AbortSignal) => {
    const end = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => end.resolve());
    await end.promise;
    ended = true;
  };
  const gc = new PeriodicGc({ collector: { collect }, periodMs: 1000, name: 'x', clock, log });
  gc.start();
  await clock.pass(1000);
  expect(ended).toBe(false);
  await gc.stop();
  expect(ended).toBe(true);
});
