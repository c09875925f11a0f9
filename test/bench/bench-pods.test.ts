import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NamespaceMode, RuntimeServiceService } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { serve } from '@berth/sdk/serve';
import { describe, expect, it } from 'vitest';
import { Pods } from './bench-pods.ts';
import { concurrently } from './concurrently.ts';

describe('Pods', () => {
  it('removes at its end what a pod that failed on its way up has left', async ({ onTestFinished }) => {
    const directory = await mkdtemp(join(tmpdir(), 'berth-bench-pods-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const endpoint = `unix://${join(directory, 'cri.sock')}`;
    const called: string[] = [];
    const served = await serve(endpoint, [
      [
        RuntimeServiceService,
        {
          runPodSandbox: () => ({ podSandboxId: 'pod' }),
          createContainer: () => {
            throw new PluginError('INTERNAL', 'no container');
          },
          stopPodSandbox: ({ podSandboxId }) => {
            called.push(`stop ${podSandboxId}`);
            return {};
          },
          removePodSandbox: ({ podSandboxId }) => {
            called.push(`remove ${podSandboxId}`);
            return {};
          },
        },
      ],
    ]);
    onTestFinished(() => served.close());
    const pods = new Pods(endpoint, NamespaceMode.CONTAINER);
    await expect(pods.cycle()).rejects.toThrow('no container');
    await pods.close();
    expect(called).toEqual(['stop pod', 'remove pod']);
  });
});

describe('concurrently', () => {
  it('gives the results in the order of the items, so many at a time', async () => {
    let most = 0;
    let running = 0;
    const doubled = await concurrently([1, 2, 3, 4, 5], 2, async (item) => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
      return item * 2;
    });
    expect([doubled, most]).toEqual([[2, 4, 6, 8, 10], 2]);
  });

  it('begins nothing more after a failure, and throws it when what was begun has ended', async () => {
    const slow = Promise.withResolvers<void>();
    const begun: string[] = [];
    let settled = false;
    const run = concurrently(['slow', 'failing', 'third', 'fourth'], 2, async (item) => {
      begun.push(item);
      if (item === 'failing') throw new Error('it fails');
      await slow.promise;
    });
    const failed = expect(run.finally(() => (settled = true))).rejects.toThrow('it fails');
    await new Promise(setImmediate);
    expect(settled).toBe(false);
    slow.resolve();
    await failed;
    expect(begun).toEqual(['slow', 'failing']);
  });
});
