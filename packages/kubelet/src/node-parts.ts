import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import type { Logger } from 'pino';
import { type CgroupOptions, defaultCgroups } from './cgroup/cgroup-options.ts';
import { NodeCgroups } from './cgroup/node-cgroups.ts';
import type { Clock } from './clock.ts';
import type { NodeResources } from './machine/node-resources.ts';
import type { PodDirectories } from './pod-directories.ts';
import type { PodWorkers } from './pod-workers.ts';
import type { NodeRuntimes } from './runtime/node-runtimes.ts';
import { NodeStatsProvider } from './stats/node-stats-provider.ts';

interface CgroupParts {
  /** Asked for when they are needed: cgroups are there before workers are. */
  workers(): PodWorkers;
  resources: NodeResources;
  hasExclusiveCpus(pod: Pod): boolean;
}

/** The pods' cgroups, if the node has a root for them. */
export function podCgroups(
  { cgroupRoot, cgroups }: { cgroupRoot?: string; cgroups?: Partial<CgroupOptions> },
  { workers, resources, hasExclusiveCpus }: CgroupParts,
): NodeCgroups | undefined {
  if (cgroupRoot === undefined) return undefined;
  return new NodeCgroups(
    { ...defaultCgroups, ...cgroups, cgroupRoot },
    {
      pods: () => workers().activePods(),
      podLimits: () => resources.podLimits(),
      capacity: () => resources.capacity(),
      allocatable: () => resources.allocatable(),
      reserved: (field) => resources.reserved(field),
      hasExclusiveCpus,
    },
  );
}

interface StatsParts {
  directories: PodDirectories;
  runtimes: NodeRuntimes;
  cgroups: NodeCgroups | undefined;
  clock: Clock;
  /** All pods with their status. */
  pods(): Pod[];
}

/** What the node, its pods and containers use. */
export function nodeStats(
  { nodeName, log, cgroupRoot }: { nodeName: string; log: Logger; cgroupRoot?: string },
  { cgroups, ...parts }: StatsParts,
): NodeStatsProvider {
  return new NodeStatsProvider({
    nodeName,
    log,
    ...parts,
    cgroupOf: async (pod, client, signal) => cgroups?.parentOf(pod, client, signal),
    systemCgroups: { ...(cgroupRoot !== undefined && { podsCgroup: join(cgroupRoot, 'kubepods') }) },
  });
}
