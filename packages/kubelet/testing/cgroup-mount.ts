import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Files that the kernel makes with a cgroup. */
const filesOfV1: Record<string, string[]> = {
  cpu: ['cpu.shares', 'cpu.cfs_period_us', 'cpu.cfs_quota_us'],
  memory: ['memory.limit_in_bytes'],
  pids: ['pids.max'],
  hugetlb: ['hugetlb.2MB.limit_in_bytes'],
};
const filesOfV2 = ['cgroup.subtree_control', 'cpu.weight', 'cpu.max', 'memory.max', 'memory.min', 'pids.max', 'hugetlb.2MB.max'];

/** A directory that looks like the host's cgroups. Files are there where `prepare` was told so, since nobody makes them with a directory. */
export class CgroupMount {
  readonly path = mkdtempSync(join(tmpdir(), 'berth-cgroup-'));
  readonly #version: 1 | 2;

  constructor(version: 1 | 2) {
    this.#version = version;
    if (version === 2) writeFileSync(join(this.path, 'cgroup.controllers'), 'cpu memory pids hugetlb\n');
    this.prepare('/');
  }

  /** Makes the files of these cgroups. */
  prepare(...cgroups: string[]): void {
    for (const cgroup of cgroups) {
      const directories: [string, string[]][] = this.#version === 2 ? [['', filesOfV2]] : Object.entries(filesOfV1);
      for (const [hierarchy, files] of directories) {
        const directory = join(this.path, hierarchy, cgroup);
        mkdirSync(directory, { recursive: true });
        for (const file of files) writeFileSync(join(directory, file), '');
        if (this.#version === 2 && cgroup !== '/') writeFileSync(join(directory, 'cgroup.controllers'), 'cpu memory pids hugetlb\n');
      }
    }
  }

  /** What has been written to a cgroup: `{cpu.shares: "2"}`. */
  values(cgroup: string): Record<string, string> {
    const directories: [string, string[]][] = this.#version === 2 ? [['', filesOfV2]] : Object.entries(filesOfV1);
    const read = directories.flatMap(([hierarchy, files]) =>
      files.map((file) => [file, readFileSync(join(this.path, hierarchy, cgroup, file), 'utf8')] as const),
    );
    return Object.fromEntries(read.filter(([file, text]) => text !== '' && file !== 'cgroup.subtree_control'));
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
