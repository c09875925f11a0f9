import { once } from 'node:events';
import { expect, it } from 'vitest';
import { runTogether } from './task-group.ts';

it('waits for all that was started, also by others', async () => {
  const ended: string[] = [];
  await runTogether(new AbortController().signal, async (group) => {
    group.start(async () => {
      await Promise.resolve();
      group.start(async () => void ended.push('last'));
    });
    ended.push('first');
  });
  expect(ended).toEqual(['first', 'last']);
});

it('ends the others where one fails, waits for their end, and throws its error', async () => {
  const ended: string[] = [];
  const running = runTogether(new AbortController().signal, async (group) => {
    group.start(async () => {
      await once(group.signal, 'abort');
      await Promise.resolve();
      ended.push('other');
    });
    group.start(() => {
      throw new Error('no socket');
    });
  });
  await expect(running).rejects.toThrow('no socket');
  expect(ended).toEqual(['other']);
});

it('ends with its caller, whatever is thrown then', async () => {
  const over = new AbortController();
  const running = runTogether(over.signal, async ({ signal }) => {
    await once(signal, 'abort');
    throw new Error('too late');
  });
  over.abort();
  await expect(running).resolves.toBeUndefined();
});
