import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileNetworkLocks } from './file-network-locks.ts';

const notHere = process.platform === 'linux' ? undefined : 'flock is called so on Linux only';

describe.skipIf(notHere)(`FileNetworkLocks${notHere ? ` (${notHere})` : ''}`, () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-network-locks-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  /** Of a process of its own: only the files are common. */
  const locks = () => new FileNetworkLocks(directory);

  it('let who wants a network alone wait for those on it, and those after it wait for him', async () => {
    const events: string[] = [];
    const first = Promise.withResolvers<void>();
    const began = Promise.withResolvers<void>();
    const one = locks().shared('net', undefined, async () => {
      began.resolve();
      await first.promise;
      events.push('first');
    });
    await began.promise;
    await locks().shared('net', undefined, async () => void events.push('beside'));
    const alone = locks().exclusive('net', undefined, async () => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      events.push('alone');
    });
    const after = locks().shared('net', undefined, async () => void events.push('after'));
    await locks().exclusive('net.gate', undefined, async () => void events.push('other network'));
    first.resolve();
    await Promise.all([one, alone, after]);
    expect(events).toEqual(['beside', 'other network', 'first', 'alone', 'after']);
  });

  it('are given up for when the caller gives up', async () => {
    const held = locks().exclusive('net', undefined, () => new Promise((resolve) => setTimeout(resolve, 200)));
    await expect(locks().shared('net', AbortSignal.timeout(20), async () => undefined)).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: `${directory}/locks/net: somebody else still works on this CNI network; try again`,
    });
    await held;
  });

  it('are free after work that has failed', async () => {
    await expect(locks().exclusive('net', undefined, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await locks().shared('net', undefined, async () => 'free')).toBe('free');
  });
});
