import { readFile } from 'node:fs/promises';
import { exists } from '../files/exists.ts';
import { capabilitiesOfMask } from './capabilities.ts';
import type { CgroupDriver } from './cgroup-driver.ts';
import { seccompArchitectures } from './seccomp-architectures.ts';

/** What a container's configuration depends on besides its request. */
export interface HostFacts {
  /** See seccomp-architectures.ts. */
  seccompArchitectures: string[];
  /** Capabilities that can be given at all. */
  bounding: string[];
  /** Own oom_score_adj; a container's can't be lower unless `lowersOomScore`. */
  oomScoreAdj: number;
  lowersOomScore: boolean;
  /** Only the v2 hierarchy, mounted at /sys/fs/cgroup. */
  unifiedCgroups: boolean;
  hugetlb: boolean;
  /** Limits on memory and swap together can be set. */
  swapAccounting: boolean;
  appArmor: boolean;
  selinux: boolean;
  /** Not found out, but chosen: both can be on one host. */
  cgroupDriver: CgroupDriver;
}

export async function readHostFacts(cgroupDriver: CgroupDriver): Promise<HostFacts> {
  const status = await readFile('/proc/self/status', 'utf8');
  const capabilities = (set: string): string[] => capabilitiesOfMask(new RegExp(`^${set}:\\s*([0-9a-f]+)`, 'm').exec(status)?.[1] ?? '0');
  const controllers = await readFile('/sys/fs/cgroup/cgroup.controllers', 'utf8').catch(() => undefined);
  const unifiedCgroups = controllers !== undefined;
  return {
    seccompArchitectures: seccompArchitectures(),
    bounding: capabilities('CapBnd'),
    oomScoreAdj: Number(await readFile('/proc/self/oom_score_adj', 'utf8')),
    lowersOomScore: capabilities('CapEff').includes('CAP_SYS_RESOURCE'),
    unifiedCgroups,
    hugetlb: controllers?.split(/\s/).includes('hugetlb') ?? (await exists('/sys/fs/cgroup/hugetlb/tasks')),
    swapAccounting: unifiedCgroups ? await exists('/proc/swaps') : await exists('/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes'),
    appArmor: (await readFile('/sys/module/apparmor/parameters/enabled', 'utf8').catch(() => 'N')).startsWith('Y'),
    selinux: await exists('/sys/fs/selinux/enforce'),
    cgroupDriver,
  };
}
