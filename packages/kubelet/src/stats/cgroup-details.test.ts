import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeTree } from '../../testing/file-tree.ts';
import { cgroupDetails } from './cgroup-details.ts';
import { CgroupTree } from './cgroup-tree.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'berth-cgroup-'));
});

afterEach(() => rm(root, { recursive: true }));

const told = {
  user: 3,
  system: 1,
  throttling: { periods: 20, throttledPeriods: 4, throttledSeconds: 0.5 },
  cache: 100,
  mappedFile: 50,
  failcnt: 6,
  maxUsage: 900,
  oomEvents: 2,
  spec: { shares: 1024, quota: 50_000, period: 100_000, memoryLimit: 1000 },
  processes: 2,
  threads: 3,
  threadsMax: 100,
  devices: [{ device: '7999:1', readBytes: 10, writtenBytes: 20, reads: 1, writes: 2 }],
};

it.each([
  [
    'v1',
    {
      'cpuacct/c/cpuacct.stat': 'user 300\nsystem 100\n',
      'cpuacct/c/cgroup.procs': '1\n2\n',
      'cpuacct/c/tasks': '1\n2\n3\n',
      'cpu/c/cpu.stat': 'nr_periods 20\nnr_throttled 4\nthrottled_time 500000000\n',
      'cpu/c/cpu.cfs_quota_us': '50000\n',
      'cpu/c/cpu.cfs_period_us': '100000\n',
      'cpu/c/cpu.shares': '1024\n',
      'memory/c/memory.stat': 'total_cache 100\ntotal_mapped_file 50\n',
      'memory/c/memory.failcnt': '6\n',
      'memory/c/memory.max_usage_in_bytes': '900\n',
      'memory/c/memory.limit_in_bytes': '1000\n',
      'memory/c/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n',
      'pids/c/pids.max': '100\n',
      'blkio/c/blkio.throttle.io_service_bytes': '7999:1 Read 10\n7999:1 Write 20\n7999:1 Total 30\nTotal 30\n',
      'blkio/c/blkio.throttle.io_serviced': '7999:1 Read 1\n7999:1 Write 2\nTotal 3\n',
    },
  ],
  [
    'v2',
    {
      'cgroup.controllers': 'cpu memory\n',
      'c/cpu.stat': 'usage_usec 4000000\nuser_usec 3000000\nsystem_usec 1000000\nnr_periods 20\nnr_throttled 4\nthrottled_usec 500000\n',
      'c/cpu.max': '50000 100000\n',
      'c/cpu.weight': '40\n',
      'c/memory.stat': 'file 100\nfile_mapped 50\n',
      'c/memory.events': 'low 0\nhigh 0\nmax 6\noom 2\noom_kill 2\n',
      'c/memory.peak': '900\n',
      'c/memory.max': '1000\n',
      'c/cgroup.procs': '1\n2\n',
      'c/cgroup.threads': '1\n2\n3\n',
      'c/pids.max': '100\n',
      'c/io.stat': '7999:1 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n',
    },
  ],
])('what cAdvisor tells besides is read from a cgroup of %s', async (version, files) => {
  await writeTree(root, files);
  const shares = version === 'v2' ? Math.round(2 + (39 * 262_142) / 9999) : 1024;
  expect(cgroupDetails(new CgroupTree(root), '/c')).toEqual({ ...told, spec: { ...told.spec, shares } });
});

it.each([
  [
    'v1',
    { 'cpu/c/cpu.cfs_quota_us': '-1\n', 'cpu/c/cpu.shares': '2\n', 'memory/c/memory.limit_in_bytes': '9223372036854771712\n' },
    { shares: 2 },
  ],
  ['v2', { 'cgroup.controllers': '', 'c/cpu.max': 'max 100000\n', 'c/memory.max': 'max\n' }, {}],
])('a cgroup of %s without limits tells of none', async (_, files, spec) => {
  await writeTree(root, files);
  expect(cgroupDetails(new CgroupTree(root), '/c')).toEqual({ spec, devices: [] });
});
