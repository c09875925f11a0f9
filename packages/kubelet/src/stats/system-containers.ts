import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { apiTime } from '../pod.ts';
import { figuresOf } from './cgroup-figures.ts';
import type { CgroupTree } from './cgroup-tree.ts';
import type { Rates } from './rates.ts';
import type { ContainerStats } from './summary.ts';

/** Cgroups of the node's own, in cgroupfs notation; named as in KubeletConfiguration. */
export interface SystemCgroups {
  /** Of the kubelet; by default the one that it finds itself in. */
  kubeletCgroups?: string;
  /** Of what else the system has: `misc`. */
  systemCgroups?: string;
  /** Of the container runtime: `runtime`. */
  runtimeCgroups?: string;
  /** Parent of all pods' cgroups: `pods`. */
  podsCgroup?: string;
}

/** What the node's own cgroups use; those that aren't there are left out. */
export async function systemContainers(
  { kubeletCgroups, systemCgroups, runtimeCgroups, podsCgroup }: SystemCgroups,
  tree: CgroupTree,
  rates: Rates,
): Promise<ContainerStats[]> {
  const own = kubeletCgroups ?? (await ownCgroup());
  const named = { runtime: runtimeCgroups, misc: systemCgroups, pods: podsCgroup };
  return [
    (own === '/' ? undefined : await ofCgroup('kubelet', own, tree, rates)) ?? ownProcess(rates),
    ...(await Promise.all(Object.entries(named).map(([name, path]) => ofCgroup(name, path, tree, rates)))).filter(
      (each) => each !== undefined,
    ),
  ];
}

async function ofCgroup(name: string, path: string | undefined, tree: CgroupTree, rates: Rates): Promise<ContainerStats | undefined> {
  const usage = path === undefined ? undefined : tree.usage(path);
  if (path === undefined || !usage) return undefined;
  const made = await stat(tree.directory('memory', path)).catch(() => undefined);
  return { name, startTime: apiTime(made?.ctime ?? usage.at), ...figuresOf(usage, rates.of(path, usage)) };
}

/** A kubelet in the host's root cgroup is told by its process: that cgroup's figures are the host's. */
function ownProcess(rates: Rates): ContainerStats {
  const at = new Date();
  const { user, system } = process.cpuUsage();
  const cpu = { total: BigInt(user + system) * 1000n };
  const rss = process.memoryUsage.rss();
  const { minorPageFault, majorPageFault } = process.resourceUsage();
  const rate = rates.of('process', { at, cpu });
  return {
    name: 'kubelet',
    startTime: apiTime(new Date(at.getTime() - process.uptime() * 1000)),
    ...figuresOf({ at, cpu }, rate),
    memory: {
      time: apiTime(at),
      usageBytes: rss,
      workingSetBytes: rss,
      rssBytes: rss,
      pageFaults: minorPageFault + majorPageFault,
      majorPageFaults: majorPageFault,
    },
  };
}

/** Of the memory controller, or of the one hierarchy of v2. */
async function ownCgroup(): Promise<string> {
  const lines = (await readFile('/proc/self/cgroup', 'utf8').catch(() => '')).split('\n').map((line) => line.split(':'));
  const line = lines.find(([, controllers]) => controllers?.split(',').includes('cpuacct')) ?? lines.find(([id]) => id === '0');
  return join('/', line?.[2] ?? '/');
}
