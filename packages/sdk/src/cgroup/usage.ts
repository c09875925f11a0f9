import type { PsiStats } from '../gen/cri.ts';

/** What a container or a whole pod uses, as a runtime reads it. What isn't known is left out. Times are in nanoseconds, sizes in bytes. */
export interface Usage {
  /** When it was read. */
  at: Date;
  cpu?: {
    /** Used since the start, over all cores. */
    total: bigint;
    pressure?: PsiStats;
  };
  memory?: MemoryReading;
  swap?: {
    used: bigint;
    /** Left out where there is none. */
    limit?: bigint;
  };
  io?: { pressure: PsiStats };
  /** Processes, or threads where the kernel counts those. */
  processes?: bigint;
}

interface MemoryReading {
  /** All of it, caches too. */
  used: bigint;
  /** `used` without file pages that were not read of late. */
  workingSet: bigint;
  /** Anonymous memory. */
  rss: bigint;
  /** Left out where there is none. */
  limit?: bigint;
  pageFaults: bigint;
  majorPageFaults: bigint;
  pressure?: PsiStats;
}
