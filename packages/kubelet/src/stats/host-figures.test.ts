import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { hostFiles, writeTree } from '../../testing/file-tree.ts';
import { bootTime, hostUsage, processLimits } from './host-figures.ts';
import { networkOf } from './network.ts';

let root: string;
const files = () => ({ proc: join(root, 'proc'), cgroupMount: join(root, 'cgroup') });
const now = new Date('2026-01-01T00:00:00Z');

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'berth-host-'));
  await writeTree(root, hostFiles);
});

afterEach(() => rm(root, { recursive: true }));

it("a host's CPU time and memory come from /proc where its root cgroup tells neither", async () => {
  expect(await hostUsage(files())).toEqual({
    at: expect.any(Date),
    cpu: { total: 1_700_000_000n },
    memory: {
      used: 3n * 2n ** 30n,
      workingSet: 5n * 2n ** 29n,
      rss: 4_194_304n,
      limit: 2n ** 32n,
      pageFaults: 500n,
      majorPageFaults: 5n,
      pressure: {
        Some: { Avg10: 1, Avg60: 0.5, Avg300: 0.25, Total: 7000n },
        Full: { Avg10: 0, Avg60: 0, Avg300: 0, Total: 3000n },
      },
    },
    swap: { used: 1_048_576n, limit: 2_097_152n },
  });
});

it.each([
  [
    'v1',
    {
      'cgroup/cpuacct/cpuacct.usage': '9000\n',
      'cgroup/memory/memory.usage_in_bytes': '500\n',
      'cgroup/memory/memory.stat': 'total_inactive_file 100\ntotal_rss 50\n',
    },
    500n,
  ],
  [
    'v2',
    { 'cgroup/cgroup.controllers': 'cpu memory\n', 'cgroup/cpu.stat': 'usage_usec 9\n', 'cgroup/memory.stat': 'anon 1\n' },
    3n * 2n ** 30n,
  ],
])('the root cgroup of %s is asked first', async (_, tree, used) => {
  await writeTree(root, tree);
  const usage = await hostUsage(files());
  expect(usage.cpu?.total).toBe(9000n);
  expect(usage.memory).toMatchObject({ used, limit: 2n ** 32n });
});

it('a host allows as many processes as the lower of its two limits', async () => {
  expect(await processLimits(files(), now)).toEqual({ time: '2026-01-01T00:00:00Z', maxpid: 30_000, curproc: 321 });
  expect(await bootTime(files())).toEqual(new Date(1_700_000_000_000));
});

it("a node's network is that of its default route, and its interfaces are those that no pod has", async () => {
  const ens3 = { name: 'ens3', rxBytes: 1000, rxErrors: 1, txBytes: 2000, txErrors: 2 };
  expect(await networkOf('self', files().proc, now)).toEqual({ time: '2026-01-01T00:00:00Z', ...ens3, interfaces: [ens3] });
  expect(await networkOf(4711, files().proc, now)).toBeUndefined();
});
