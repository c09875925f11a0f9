import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Usage } from './usage.ts';
import { usageV1 } from './usage-v1.ts';
import { usageV2 } from './usage-v2.ts';

/** What the cgroup at `path` uses, on a host with either version of cgroups; undefined for one that isn't there. `root` is where they are mounted. */
export function cgroupUsage(path: string, root = '/sys/fs/cgroup'): Usage | undefined {
  return existsSync(join(root, 'cgroup.controllers')) ? usageV2(join(root, path)) : usageV1(root, path);
}
