import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cgroupUsage } from './cgroup-usage.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'berth-cgroup-'));
});

afterEach(() => rm(root, { recursive: true }));

/** Files as a kernel shows them, by their path below the root. */
async function tree(files: Record<string, string>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

const unlimited = '9223372036854771712\n';

const v1 = {
  'cpuacct/pod/c1/cpuacct.usage': '123456789\n',
  'memory/pod/c1/memory.usage_in_bytes': '50000\n',
  'memory/pod/c1/memory.limit_in_bytes': '100000\n',
  'memory/pod/c1/memory.memsw.limit_in_bytes': '150000\n',
  'memory/pod/c1/memory.stat':
    'cache 1\nrss 2\ntotal_cache 40000\ntotal_rss 9000\ntotal_swap 700\ntotal_pgfault 12\ntotal_pgmajfault 3\ntotal_inactive_file 20000\n',
  'pids/pod/c1/pids.current': '4\n',
};

const pressure = 'some avg10=1.50 avg60=0.25 avg300=0.00 total=2000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1000\n';

const v2 = {
  'cgroup.controllers': 'cpu memory pids\n',
  'pod/c1/cpu.stat': 'usage_usec 123456\nuser_usec 100000\nsystem_usec 23456\n',
  'pod/c1/cpu.pressure': pressure,
  'pod/c1/memory.current': '50000\n',
  'pod/c1/memory.max': '100000\n',
  'pod/c1/memory.stat': 'anon 9000\nfile 40000\ninactive_file 20000\npgfault 12\npgmajfault 3\n',
  'pod/c1/memory.swap.current': '700\n',
  'pod/c1/memory.swap.max': '50000\n',
  'pod/c1/io.pressure': pressure,
  'pod/c1/pids.current': '4\n',
};

const psi = {
  Some: { Avg10: 1.5, Avg60: 0.25, Avg300: 0, Total: 2_000_000n },
  Full: { Avg10: 0, Avg60: 0, Avg300: 0, Total: 1_000_000n },
};

describe('what a cgroup uses', () => {
  it('is read from the controllers of v1', async () => {
    await tree(v1);
    expect(cgroupUsage('/pod/c1', root)).toEqual({
      at: expect.any(Date),
      cpu: { total: 123456789n },
      memory: { used: 50000n, workingSet: 30000n, rss: 9000n, limit: 100000n, pageFaults: 12n, majorPageFaults: 3n },
      swap: { used: 700n, limit: 50000n },
      processes: 4n,
    });
  });

  it('is read from the one hierarchy of v2, with its pressure', async () => {
    await tree(v2);
    expect(cgroupUsage('/pod/c1', root)).toEqual({
      at: expect.any(Date),
      cpu: { total: 123456000n, pressure: psi },
      memory: { used: 50000n, workingSet: 30000n, rss: 9000n, limit: 100000n, pageFaults: 12n, majorPageFaults: 3n },
      swap: { used: 700n, limit: 50000n },
      io: { pressure: psi },
      processes: 4n,
    });
  });

  it.each([
    ['v1', { ...v1, 'memory/pod/c1/memory.limit_in_bytes': unlimited, 'memory/pod/c1/memory.memsw.limit_in_bytes': unlimited }],
    ['v2', { ...v2, 'pod/c1/memory.max': 'max\n', 'pod/c1/memory.swap.max': 'max\n' }],
  ])('has no limit where %s tells of none', async (_, files) => {
    await tree(files);
    const { memory, swap } = cgroupUsage('/pod/c1', root) ?? {};
    expect(memory).not.toHaveProperty('limit');
    expect(swap).toEqual({ used: 700n });
  });

  it('counts the processes of a v1 host without the pids controller, and finds cpuacct beside cpu', async () => {
    await tree({ 'cpuacct/pod/c1/cgroup.procs': '1\n2\n3\n', 'cpu,cpuacct/pod/c1/cpuacct.usage': '5\n' });
    expect(cgroupUsage('/pod/c1', root)).toEqual({ at: expect.any(Date), cpu: { total: 5n }, processes: 3n });
  });

  it("takes the pressure of a hybrid host's unified hierarchy, if the cgroup is in that too", async () => {
    await tree({ ...v1, 'unified/pod/c1/cpu.pressure': pressure });
    expect(cgroupUsage('/pod/c1', root)?.cpu?.pressure).toEqual(psi);
  });

  it('leaves out the controllers that a cgroup of v2 does not have', async () => {
    await tree({ 'cgroup.controllers': 'cpu\n', 'pod/c1/cpu.stat': 'usage_usec 7\n' });
    expect(cgroupUsage('/pod/c1', root)).toEqual({ at: expect.any(Date), cpu: { total: 7000n } });
  });

  it.each([
    ['v1', v1],
    ['v2', v2],
  ])('is undefined for a cgroup of %s that is gone', async (_, files) => {
    await tree(files);
    expect(cgroupUsage('/pod/c2', root)).toBeUndefined();
  });
});
