import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Writes files as a kernel shows them, by their path below `root`. */
export async function writeTree(root: string, files: Record<string, string>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

/** The host of the tests of figures: 4 GiB, booted at 1,700,000,000 s, a default route over ens3. */
export const hostFiles: Record<string, string> = {
  'proc/stat': 'cpu  100 10 50 9999 77 3 2 5 20 0\ncpu0 1 1 1 1 1 1 1 1 1 1\nbtime 1700000000\n',
  'proc/meminfo':
    'MemTotal: 4194304 kB\nMemFree: 1048576 kB\nInactive(file): 524288 kB\nAnonPages: 4096 kB\nSwapTotal: 2048 kB\nSwapFree: 1024 kB\n',
  'proc/vmstat': 'pgfault 500\npgmajfault 5\n',
  'proc/loadavg': '0.10 0.20 0.30 2/321 4711\n',
  'proc/sys/kernel/pid_max': '4194304\n',
  'proc/sys/kernel/threads-max': '30000\n',
  'proc/pressure/memory': 'some avg10=1.00 avg60=0.50 avg300=0.25 total=7\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=3\n',
  'proc/self/net/dev': `h\nh\n    lo: 1 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0\n  ens3: 1000 9 1 0 0 0 0 0 2000 8 2 0 0 0 0 0\n vethab: 5 0 0 0 0 0 0 0 5 0 0 0 0 0 0 0\n`,
  'proc/self/net/route':
    'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\nens3\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\n',
};
