import { type DiskSpace, spaceBelow } from '@berth/sdk/disk-space';
import type { Clock } from '../clock.ts';

/** How long what was counted holds: to count is to look at every file. kubelet's volumeStatsAggPeriod. */
const defaultDiskUsageMaxAgeMs = 60_000;

/** A directory that takes longer to count tells nothing. */
const longestCountMs = 30_000;

interface Counted {
  at: number;
  space: Promise<DiskSpace | undefined>;
}

/** What lies below directories, counted anew when it is older than the given age. */
export class DiskUsage {
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #counted = new Map<string, Counted>();

  constructor(clock: Clock, maxAgeMs = defaultDiskUsageMaxAgeMs) {
    this.#clock = clock;
    this.#maxAgeMs = maxAgeMs;
  }

  /** Undefined for a directory that isn't there, may not be read, or takes too long. A file counts as itself. */
  async below(path: string): Promise<DiskSpace | undefined> {
    const now = this.#clock.now().getTime();
    const known = this.#counted.get(path);
    if (known && now - known.at < this.#maxAgeMs && now >= known.at) return known.space;
    const space = spaceBelow(path, AbortSignal.timeout(longestCountMs)).catch(() => undefined);
    this.#counted.set(path, { at: now, space });
    return space;
  }

  /** Forgets what nobody has asked for since it was too old. */
  prune(): void {
    const now = this.#clock.now().getTime();
    for (const [path, { at }] of this.#counted) if (now - at > 2 * this.#maxAgeMs) this.#counted.delete(path);
  }
}
