import { conditionOf, type Observation, type Observations, type PressureCondition, type Signal } from './signals.ts';
import { amountOf, type Threshold } from './thresholds.ts';

/** What is remembered from one look at the node to the next. */
export interface Pressure {
  /** Those acted on last: they stay met until the minimum reclaim is there too. */
  acting: Threshold[];
  firstMetAt: ReadonlyMap<Threshold, Date>;
  lastSeenAt: ReadonlyMap<PressureCondition, Date>;
  /** The conditions to tell: seen now or within the transition period. */
  conditions: PressureCondition[];
}

export const noPressure: Pressure = { acting: [], firstMetAt: new Map(), lastSeenAt: new Map(), conditions: [] };

/** What the node is short of now; pure. `acting` of the result are thresholds met for their grace period, the most urgent first. */
export function nextPressure(
  before: Pressure,
  thresholds: readonly Threshold[],
  observations: Observations,
  now: Date,
  transitionPeriodMs: number,
): Pressure {
  const unresolved = before.acting.filter((threshold) => isMet(threshold, observations, true));
  const met = thresholds.filter((threshold) => isMet(threshold, observations) || unresolved.includes(threshold));
  const firstMetAt = new Map(met.map((threshold) => [threshold, before.firstMetAt.get(threshold) ?? now]));
  const lastSeenAt = new Map([...before.lastSeenAt, ...met.map(({ signal }) => [conditionOf(signal), now] as const)]);
  const recent = [...lastSeenAt].filter(([, seen]) => now.getTime() - seen.getTime() < transitionPeriodMs || seen === now);
  const acting = met.filter((threshold) => now.getTime() - (firstMetAt.get(threshold) ?? now).getTime() >= threshold.gracePeriodMs);
  return { acting: acting.toSorted(mostUrgent), firstMetAt, lastSeenAt, conditions: recent.map(([condition]) => condition) };
}

/** Whether less than the threshold is available; `withReclaim`: less than threshold and minimum reclaim together. */
export function isMet({ signal, value, minReclaim }: Threshold, observations: Observations, withReclaim = false): boolean {
  const observed = observations.get(signal);
  if (!observed) return false;
  const extra = withReclaim && minReclaim ? amountOf(minReclaim, observed.capacity) : 0n;
  return observed.available < amountOf(value, observed.capacity) + extra;
}

/** The first threshold of these signals with what was seen of it. */
export function metOf(
  acting: readonly Threshold[],
  observations: Observations,
  isOf: (signal: Signal) => boolean,
): { amount: bigint; observed: Observation } | undefined {
  for (const { signal, value } of acting) {
    const observed = observations.get(signal);
    if (observed && isOf(signal)) return { amount: amountOf(value, observed.capacity), observed };
  }
  return undefined;
}

/** Memory kills soonest. */
function mostUrgent(one: Threshold, other: Threshold): number {
  const rank = ({ signal }: Threshold) => (conditionOf(signal) === 'MemoryPressure' ? 0 : 1);
  return rank(one) - rank(other);
}
