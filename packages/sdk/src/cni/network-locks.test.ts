import { describe, expect, it } from 'vitest';
import { ProcessNetworkLocks } from './network-locks.ts';

/** Work that notes its beginning and its end, which the test decides. */
function work(name: string, events: string[]) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const run = async (): Promise<string> => {
    events.push(`${name} begins`);
    await promise;
    events.push(`${name} ends`);
    return name;
  };
  return { run, end: resolve };
}

const settled = () => new Promise(setImmediate);

describe('the locks of a network', () => {
  it('let attachments work side by side, a collection alone, and those after it wait', async () => {
    const locks = new ProcessNetworkLocks();
    const events: string[] = [];
    const [one, two, collection, late] = ['one', 'two', 'collection', 'late'].map((name) => work(name, events)) as [
      ReturnType<typeof work>,
      ReturnType<typeof work>,
      ReturnType<typeof work>,
      ReturnType<typeof work>,
    ];
    const all = [
      locks.shared('net', undefined, one.run),
      locks.shared('net', undefined, two.run),
      locks.exclusive('net', undefined, collection.run),
      locks.shared('net', undefined, late.run),
    ];
    await settled();
    expect(events).toEqual(['one begins', 'two begins']);
    one.end();
    await settled();
    expect(events).toEqual(['one begins', 'two begins', 'one ends']);
    two.end();
    await settled();
    expect(events.slice(3)).toEqual(['two ends', 'collection begins']);
    late.end();
    collection.end();
    expect(await Promise.all(all)).toEqual(['one', 'two', 'collection', 'late']);
    expect(events.slice(5)).toEqual(['collection ends', 'late begins', 'late ends']);
  });

  it('are one for each network', async () => {
    const locks = new ProcessNetworkLocks();
    const collection = work('collection', []);
    const collecting = locks.exclusive('one', undefined, collection.run);
    expect(await locks.shared('two', undefined, async () => 'added')).toBe('added');
    collection.end();
    await collecting;
  });

  it('are given back by work that fails, and by who gives up waiting', async () => {
    const locks = new ProcessNetworkLocks();
    const held = work('held', []);
    const first = locks.shared('net', undefined, held.run);
    const given = AbortSignal.abort(new Error('gave up'));
    await expect(locks.exclusive('net', given, async () => undefined)).rejects.toThrow('gave up');
    const later = locks.exclusive('net', undefined, () => Promise.reject(new Error('broken')));
    const last = locks.shared('net', undefined, async () => 'last');
    held.end();
    await first;
    await expect(later).rejects.toThrow('broken');
    expect(await last).toBe('last');
  });
});
