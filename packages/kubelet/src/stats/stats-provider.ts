import type { NodeReading } from './node-reading.ts';
import type { ReadingDetails } from './reading-details.ts';
import type { Summary } from './summary.ts';

/** How figures are wanted. */
export interface StatsOptions {
  /** Figures older than this are read anew. 0: now. */
  maxAgeMs?: number;
  /** No file systems, networks and volumes, which take longest. */
  onlyCpuAndMemory?: boolean;
  signal: AbortSignal;
}

/** kubelet reads the cgroups every 10 s (housekeeping_interval) and tells those figures to all who ask meanwhile. */
export const defaultMaxAgeMs = 10_000;

/**
 * What the node, its pods and containers use. A part that can't be read is left out, whatever it is: the others are told all the same.
 * Those who ask at the same time share one reading. CPU rates are those since the reading before, and the first one has none, unless the
 * runtime tells them. It throws only when `signal` aborts.
 */
export interface StatsProvider {
  /** What /stats/summary answers. */
  summary(options: StatsOptions): Promise<Summary>;
  /** What summaries and metrics are made of: running pods with their containers' ids and cgroups. */
  reading(options: StatsOptions): Promise<NodeReading>;
  /** What cAdvisor's metrics tell besides a reading, read now. */
  details(reading: NodeReading, signal: AbortSignal): Promise<ReadingDetails>;
}
