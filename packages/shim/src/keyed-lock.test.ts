import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { KeyedLock } from './keyed-lock.ts';

const never = new AbortController().signal;

describe('KeyedLock', () => {
  it('lets one holder of a key in at a time, in the order of asking', async () => {
    const lock = new KeyedLock();
    const seen: string[] = [];
    const work = (name: string) => async () => {
      seen.push(`${name} in`);
      await setImmediate();
      seen.push(`${name} out`);
    };
    await Promise.all([lock.hold('k', never, work('a')), lock.hold('k', never, work('b'))]);
    expect(seen).toEqual(['a in', 'a out', 'b in', 'b out']);
  });

  it("doesn't keep holders of other keys", async () => {
    const lock = new KeyedLock();
    const { promise, resolve } = Promise.withResolvers<void>();
    const held = lock.hold('a', never, () => promise);
    await lock.hold('b', never, async () => undefined);
    resolve();
    await held;
  });

  it('is free again after a holder failed', async () => {
    const lock = new KeyedLock();
    await expect(lock.hold('k', never, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await lock.hold('k', never, async () => 1)).toBe(1);
  });

  it('lets who is aborted while waiting go, and keeps the order of the others', async () => {
    const lock = new KeyedLock();
    const { promise, resolve } = Promise.withResolvers<void>();
    const first = lock.hold('k', never, () => promise);
    const impatient = new AbortController();
    const second = lock.hold('k', impatient.signal, async () => 'second');
    let thirdRan = false;
    const third = lock.hold('k', never, async () => {
      thirdRan = true;
    });
    impatient.abort(new Error('no time'));
    await expect(second).rejects.toThrow('no time');
    expect(thirdRan).toBe(false);
    resolve();
    await Promise.all([first, third]);
    expect(thirdRan).toBe(true);
  });

  it('is still held after the last who waited for it gave up', async () => {
    const lock = new KeyedLock();
    const { promise, resolve } = Promise.withResolvers<void>();
    const first = lock.hold('k', never, () => promise);
    const impatient = new AbortController();
    const second = lock.hold('k', impatient.signal, async () => 'second');
    impatient.abort(new Error('no time'));
    await expect(second).rejects.toThrow('no time');
    let thirdRan = false;
    const third = lock.hold('k', never, async () => {
      thirdRan = true;
    });
    await setImmediate();
    expect(thirdRan).toBe(false);
    resolve();
    await Promise.all([first, third]);
  });
});
