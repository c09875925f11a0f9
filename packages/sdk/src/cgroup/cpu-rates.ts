import type { Usage } from './usage.ts';

/** Rates over less than this would be noise: two clients that ask one after the other get the same one. */
const shortestWindowMs = 1000;

interface Sample {
  at: number;
  total: bigint;
}

/** How fast objects use CPU time, from one reading of their counters to the next. */
export class CpuRates {
  readonly #samples = new WeakMap<object, Sample>();
  readonly #rates = new WeakMap<object, bigint>();

  /** Nanoseconds of CPU time a second since the last reading of `owner`; undefined at the first one. */
  rate(owner: object, usage: Usage): bigint | undefined {
    if (!usage.cpu) return undefined;
    const sample = { at: usage.at.getTime(), total: usage.cpu.total };
    const last = this.#samples.get(owner);
    const elapsed = sample.at - (last?.at ?? sample.at);
    // A clock that was set back begins a new window.
    if (last && elapsed >= 0 && elapsed < shortestWindowMs) return this.#rates.get(owner);
    this.#samples.set(owner, sample);
    if (!last || elapsed < 0 || sample.total < last.total) return undefined;
    const rate = ((sample.total - last.total) * 1000n) / BigInt(elapsed);
    this.#rates.set(owner, rate);
    return rate;
  }
}
