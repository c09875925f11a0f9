import type { Event } from '@berth/api/objects';
import { beforeEach, describe, expect, it } from 'vitest';
import { now, seconds } from '../../testing/observed-pod.ts';
import { EventCorrelator } from './event-correlator.ts';

let correlator: EventCorrelator;

beforeEach(() => {
  correlator = new EventCorrelator();
});

const event = (message: string, more: Partial<Event> = {}): Event => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { namespace: 'default', name: 'any' },
  involvedObject: { kind: 'Pod', namespace: 'default', name: 'web', uid: 'u' },
  source: { component: 'kubelet', host: 'node' },
  type: 'Warning',
  reason: 'Unhealthy',
  message,
  ...more,
});

const of = (name: string) => ({ involvedObject: { ...event('').involvedObject, name } });

describe('the same event again', () => {
  it('counts up under its first name', () => {
    const first = correlator.correlate(event('why'), now);
    const second = correlator.correlate(event('why'), seconds(60));
    expect(first).toMatchObject({ count: 1, metadata: { namespace: 'default', name: expect.stringMatching(/^web\.[0-9a-f]{16}$/) } });
    expect(second).toMatchObject({ count: 2, firstTimestamp: '2026-11-21T12:00:00Z', lastTimestamp: '2026-11-21T12:01:00Z' });
    expect(second?.metadata?.name).toBe(first?.metadata?.name);
  });

  it.each<[other: string, event: Event]>([
    ['message', event('other')],
    ['reason', event('why', { reason: 'Killing' })],
    ['type', event('why', { type: 'Normal' })],
    ['object', event('why', of('db'))],
  ])('is another one with another %s', (_other, different) => {
    const first = correlator.correlate(event('why'), now);
    const second = correlator.correlate(different, now);
    expect(second?.count).toBe(1);
    expect(second?.metadata?.name).not.toBe(first?.metadata?.name);
  });
});

describe('many events alike', () => {
  const tell = (count: number, at: (index: number) => Date) =>
    Array.from({ length: count }, (_, index) => correlator.correlate(event(`why ${index}`), at(index)));

  it('are combined from the tenth within ten minutes on', () => {
    const told = tell(12, seconds);
    expect(told.slice(0, 9).map((each) => each?.message)).toEqual(Array.from({ length: 9 }, (_, index) => `why ${index}`));
    expect(told.slice(9).map((each) => [each?.message, each?.count])).toEqual([
      ['(combined from similar events): why 9', 1],
      ['(combined from similar events): why 10', 2],
      ['(combined from similar events): why 11', 3],
    ]);
    expect(new Set(told.slice(9).map((each) => each?.metadata?.name)).size).toBe(1);
  });

  it('are told one by one where they come seldom', () => {
    const told = tell(12, (index) => seconds(index * 601));
    expect(told.map((each) => each?.message)).toEqual(Array.from({ length: 12 }, (_, index) => `why ${index}`));
  });
});

describe('an object that tells too much', () => {
  const tellMuch = (count: number, at: Date, more: Partial<Event> = {}) =>
    Array.from({ length: count }, () => correlator.correlate(event('why', more), at)).filter(Boolean).length;

  it('is heard 25 times at once, and once each five minutes after that', () => {
    expect(tellMuch(40, now)).toBe(25);
    expect(tellMuch(5, seconds(299))).toBe(0);
    expect(tellMuch(5, seconds(300))).toBe(1);
  });

  it('takes nothing from others', () => {
    tellMuch(40, now);
    expect(tellMuch(1, now, of('db'))).toBe(1);
  });

  it('is counted all the same', () => {
    tellMuch(40, now);
    expect(correlator.correlate(event('why'), seconds(300))?.count).toBe(41);
  });
});
