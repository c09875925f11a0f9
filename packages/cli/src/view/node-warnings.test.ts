import type { Event } from '@berth/api/objects';
import { expect, it } from 'vitest';
import { formatNodeWarnings, nodeWarnings } from './node-warnings.ts';

const now = new Date('2026-07-01T10:00:00Z');

function event(reason: string, minute: number, more: Partial<Event> = {}): Event {
  const lastTimestamp = new Date(now.getTime() - minute * 60_000).toISOString();
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: {},
    involvedObject: { kind: 'Node', name: 'here' },
    type: 'Warning',
    reason,
    message: `${reason}; mend it`,
    count: 1,
    firstTimestamp: lastTimestamp,
    lastTimestamp,
    ...more,
  };
}

it("are those of the node's events that warn, the newest first", () => {
  const events = [
    event('Old', 9),
    event('New', 5),
    event('Starting', 1, { type: 'Normal' }),
    event('BackOff', 1, { involvedObject: { kind: 'Pod' } }),
  ];
  expect(nodeWarnings(events).map(({ reason }) => reason)).toEqual(['New', 'Old']);
});

it('are not without end', () => {
  const events = Array.from({ length: 30 }, (_, index) => event(`Reason${index}`, 60 - index));
  const reasons = nodeWarnings(events).map(({ reason }) => reason);
  expect([reasons.length, reasons[0], reasons.at(-1)]).toEqual([20, 'Reason29', 'Reason10']);
});

it('of one moment are in the order in which they were told', () => {
  expect(nodeWarnings([event('One', 5), event('Two', 5)]).map(({ reason }) => reason)).toEqual(['Two', 'One']);
});

it('have messages of one line, and nothing that a terminal obeys', () => {
  expect(nodeWarnings([event('A', 5, { message: 'two\nlines\u001b[2J' })])).toMatchObject([{ message: 'two lines [2J' }]);
});

it('are a table with how often and since when', () => {
  const often = event('Often', 5, { count: 3, firstTimestamp: '2026-07-01T09:50:00Z' });
  expect(formatNodeWarnings(nodeWarnings([event('Once', 7), often]), now).split('\n')).toEqual([
    'LAST SEEN          WARNING   MESSAGE',
    '5m (x3 over 10m)   Often     Often; mend it',
    '7m                 Once      Once; mend it',
  ]);
});
