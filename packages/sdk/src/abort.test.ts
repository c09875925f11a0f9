import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { unlessAborted, withGrace } from './abort.ts';

it('unlessAborted gives what the promise gives, or throws as it does', async () => {
  const { signal } = new AbortController();
  expect(await unlessAborted(Promise.resolve(1), signal)).toBe(1);
  await expect(unlessAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
});

it.each(['before', 'while it waits'])(
  'unlessAborted throws the reason of an abort that comes %s, and a later failure is nobody else’s',
  async (when) => {
    const { promise, reject } = Promise.withResolvers<void>();
    const controller = new AbortController();
    if (when === 'before') controller.abort(new Error('enough'));
    const waiting = expect(unlessAborted(promise, controller.signal)).rejects.toThrow('enough');
    controller.abort(new Error('enough'));
    await waiting;
    // Vitest fails on a rejection that nobody handles.
    reject(new Error('late'));
    await setImmediate();
  },
);

it('withGrace lets what has begun end after an abort', async () => {
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  const working = withGrace(controller.signal, 60_000, async (signal) => {
    await promise;
    return signal.aborted;
  });
  controller.abort(new Error('enough'));
  resolve();
  expect(await working).toBe(false);
});

it('withGrace aborts what has not ended by then, for the same reason', async () => {
  const controller = new AbortController();
  const working = withGrace(controller.signal, 0, (signal) => unlessAborted(new Promise(() => undefined), signal));
  controller.abort(new Error('enough'));
  await expect(working).rejects.toThrow('enough');
});

it('withGrace begins nothing for a signal that is aborted', async () => {
  await expect(withGrace(AbortSignal.abort(new Error('enough')), 60_000, () => expect.unreachable())).rejects.toThrow('enough');
});
