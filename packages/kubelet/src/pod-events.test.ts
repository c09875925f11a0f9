import { expect, it } from 'vitest';
import { makePod } from '../testing/observed-pod.ts';
import { systemClock } from './clock.ts';
import { PodEvents } from './pod-events.ts';

it('an event that happens again counts up, keeps its name and comes last', () => {
  const events = new PodEvents(systemClock, 'node');
  const record = (reason: string) => events.record(makePod(), 'Normal', reason, 'why');
  record('Pulling');
  record('Failed');
  const [pulling, failed] = events.list();
  record('Pulling');
  const told = events.list().map(({ reason, count, metadata }) => [reason, count, metadata?.name]);
  expect(told).toEqual([
    ['Failed', 1, failed?.metadata?.name],
    ['Pulling', 2, pulling?.metadata?.name],
  ]);
  expect(pulling?.metadata?.name).not.toBe(failed?.metadata?.name);
});

it('of very many kinds of events the oldest are forgotten', () => {
  const events = new PodEvents(systemClock, 'node');
  for (let count = 0; count < 300; count++) events.record(makePod(), 'Normal', 'Pulling', `${count}`);
  expect([events.list().length, events.list()[0]?.message]).toEqual([200, '100']);
});
