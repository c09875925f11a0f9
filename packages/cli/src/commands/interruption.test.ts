import { once } from 'node:events';
import { PluginError } from '@berth/sdk/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Interruption } from './interruption.ts';

let interruption: Interruption;

beforeEach(() => {
  interruption = new Interruption();
});

afterEach(() => interruption.release());

/** Sends this process a signal, and waits until it has come. */
async function send(signal: NodeJS.Signals): Promise<void> {
  const came = once(process, signal);
  process.kill(process.pid, signal);
  await came;
}

describe('Interruption', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s tells the command to end, with exit status %i', async (signal, status) => {
    expect([interruption.signal.aborted, interruption.exitStatus]).toEqual([false, 0]);
    await send(signal);
    expect([interruption.signal.aborted, interruption.exitStatus]).toEqual([true, status]);
  });

  it('Ctrl-C at the end of the command tells it to hurry, whether it was interrupted or not', async () => {
    const hurry = interruption.ending();
    await send('SIGINT');
    expect([hurry.aborted, interruption.signal.aborted]).toEqual([true, false]);
  });

  it('an interrupt before the end is no hurry', async () => {
    await send('SIGINT');
    await send('SIGINT');
    expect(interruption.ending().aborted).toBe(false);
  });

  it('knows what an interrupt caused from what it did not', async () => {
    const cancelled = new PluginError('CANCELLED', 'the node is stopping');
    expect(interruption.caused(cancelled)).toBe(false);
    await send('SIGINT');
    expect(interruption.caused(cancelled)).toBe(true);
    expect(interruption.caused(interruption.signal.reason)).toBe(true);
    expect(interruption.caused(new PluginError('NOT_FOUND', 'no such image'))).toBe(false);
  });

  it('leaves the signals alone once it is released', () => {
    const before = process.listenerCount('SIGINT');
    interruption.release();
    expect(process.listenerCount('SIGINT')).toBe(before - 1);
  });
});
