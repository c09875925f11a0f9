import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import type { Logger } from 'pino';
import type { NodeCgroups } from '../cgroup/node-cgroups.ts';
import type { Clock } from '../clock.ts';
import type { PodDirectories } from '../pod-directories.ts';
import type { NodeRuntimes } from '../runtime/node-runtimes.ts';
import { NodeStatsProvider } from './node-stats-provider.ts';

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
