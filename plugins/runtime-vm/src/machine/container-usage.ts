import type { Usage as GuestUsage } from '@berth/sdk/guest';
import type { Usage } from '@berth/shim/runtime';

/** What the guest counts of a container, as the shim tells it. Pure. */
export function containerUsage(usage: GuestUsage, at: Date): Usage {
  const { cpuTotal, memoryUsed, workingSet, rss, memoryLimit, pageFaults, majorPageFaults, processes } = usage;
  return {
    at,
    cpu: { total: cpuTotal },
    memory: { used: memoryUsed, workingSet, rss, ...(memoryLimit > 0n && { limit: memoryLimit }), pageFaults, majorPageFaults },
    processes,
  };
}
