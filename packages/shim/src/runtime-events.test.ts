import { describe, expect, it } from 'vitest';
import type { RuntimeEvent } from './runtime.ts';
import { RuntimeEvents } from './runtime-events.ts';

const oom = (containerId: string): RuntimeEvent => ({ type: 'oom', containerId });

describe('RuntimeEvents', () => {
  it('gives what came before anybody read, then what comes, in order', async () => {
    const events = new RuntimeEvents();
    events.push(oom('a'));
    events.push(oom('b'));
    const reader = events.read(AbortSignal.timeout(5000));
    expect((await reader.next()).value).toEqual(oom('a'));
    expect((await reader.next()).value).toEqual(oom('b'));
    const coming = reader.next();
    events.push(oom('c'));
    expect((await coming).value).toEqual(oom('c'));
  });

  it('keeps for the next reader what one has not taken', async () => {
    const events = new RuntimeEvents();
    events.push(oom('a'));
    events.push(oom('b'));
    for await (const event of events.read(AbortSignal.timeout(5000))) {
      expect(event).toEqual(oom('a'));
      break;
    }
    expect((await events.read(AbortSignal.timeout(5000)).next()).value).toEqual(oom('b'));
  });

  it('ends for a reader that waits when the signal is aborted', async () => {
    const reading = new AbortController();
    const waiting = new RuntimeEvents().read(reading.signal).next();
    reading.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });
});
