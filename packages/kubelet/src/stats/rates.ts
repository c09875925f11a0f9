import { CpuRates } from '@berth/sdk/cgroup/cpu-rates';
import type { Usage } from '@berth/sdk/cgroup/usage';

/** CPU rates of what has a name for as long as it is there: cgroups and containers. */
export class Rates {
  readonly #rates = new CpuRates();
  #owners = new Map<string, object>();
  #seen = new Map<string, object>();

  /** Nanoseconds of CPU time a second since the last reading of `key`; undefined at the first one. */
  of(key: string, usage: Pick<Usage, 'at' | 'cpu'>): bigint | undefined {
    const owner = this.#seen.get(key) ?? this.#owners.get(key) ?? { key };
    this.#seen.set(key, owner);
    return this.#rates.rate(owner, usage);
  }

  /** Ends a round of readings: what wasn't read in it is forgotten. */
  endRound(): void {
    this.#owners = this.#seen;
    this.#seen = new Map();
  }
}
